"""A reference manager with one library, in memory."""

from bot.errors import LibraryError
from bot.model.library import Account

KEY = "aBcDeFgHiJkLmNoPqRsTuVwX"


class FakeLibrary:
    """One library, which takes everything."""

    def __init__(self):
        self.items = {}

    async def identify(self, key):
        if key != KEY:
            raise LibraryError("unknown", is_refused=True)
        return Account("1", "Ada V", can_write=True)

    def name_item(self, account, paper):
        return f"{account.id}-{paper}"

    async def add(self, account, key, item, paper):
        assert key == KEY
        self.items[item] = paper
