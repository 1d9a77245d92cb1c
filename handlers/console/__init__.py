"""A terminal is a chat platform too."""
