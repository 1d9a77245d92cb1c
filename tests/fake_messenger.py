"""A messenger that says what it is told to, and remembers what it was given."""

from collections import defaultdict, deque

from bot.model.message import Part, Receipt
from bot.ports import Limits


class FakeMessenger:
    """Every digest is one part, or as many as `papers_a_part` makes of it; every part arrives, but where `script` says not.

    `script` gives the next answers of a chat, by its key: DeliveryErrors are raised, Receipts returned. `tries` are all
    requests as (chat, outgoing), `sent` those that arrived.
    """

    def __init__(self, *, papers_a_part=100, per_second=1000):
        self.limits = Limits(per_second=per_second)
        self.papers_a_part = papers_a_part
        self.script = defaultdict(deque)
        self.tries, self.sent, self.published, self.said = [], [], [], []
        self.on_deliver = None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    def compose(self, chat, message):
        papers = [each.announced.paper.id for each in message.digest.papers] if message.digest else []
        head = " | ".join(part for part in (message.text, *_words(message.buttons)) if part)
        size = self.papers_a_part
        pages = [papers[start : start + size] for start in range(0, len(papers), size)] or [[]]
        return tuple(
            Part(f"{head if not n else ''} {' '.join(page)}".strip(), tuple(page)) for n, page in enumerate(pages)
        )

    async def deliver(self, chat, outgoing):
        self.tries.append((chat, outgoing))
        if self.on_deliver is not None:
            await self.on_deliver(chat, outgoing)
        answer = self.script[chat.key].popleft() if self.script[chat.key] else Receipt(f"m{len(self.tries)}")
        if isinstance(answer, Exception):
            raise answer
        self.sent.append((chat, outgoing))
        return answer

    async def publish(self, chat, message_id):
        self.published.append((chat, message_id))

    async def send(self, chat, text):
        self.said.append((chat, text))

    def bodies(self, chat):
        """What arrived in the chat, in order."""
        return [outgoing.body for each, outgoing in self.sent if each == chat]


def _words(buttons):
    """The labels that are more than the numbers of papers."""
    return (each.label for each in buttons if not each.label.isdigit())
