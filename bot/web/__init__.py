"""What the bot serves over HTTP, on one port, in the loop of the chat platforms."""

from bot.web.server import LARGEST_BODY, Receive, WebServer

__all__ = ["LARGEST_BODY", "Receive", "WebServer"]
