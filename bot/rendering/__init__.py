"""Pure text helpers that every platform shares."""
