"""Where people talk to the bot: the commands, and one folder per chat platform."""
