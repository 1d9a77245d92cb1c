"""A folder in memory."""


class FakeFolder:
    """`files` by name; `writes` are the names that were written, in order."""

    def __init__(self):
        self.files, self.writes = {}, []

    async def read(self, name):
        return self.files.get(name)

    async def names(self, folder):
        inside = [each.removeprefix(f"{folder}/") for each in self.files if each.startswith(f"{folder}/")]
        return tuple(sorted(each for each in inside if "/" not in each))

    async def write(self, name, text):
        if self.files.get(name) == text:
            return False
        self.files[name] = text
        self.writes.append(name)
        return True
