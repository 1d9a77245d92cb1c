"""Discord as a chat platform: slash commands, buttons, direct messages."""
