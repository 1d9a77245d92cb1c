"""What an HTTP status means, whatever was asked for."""

from http import HTTPStatus

from bot.errors import SourceError, SourceFault
from bot.sources.http import Answer

_UNKNOWN = (400, 404)


def check_status(answer: Answer, expected: str, category: str, where: str) -> None:
    """Raise SourceError unless the answer is 200: arXiv has no such category, or something else came than `expected`."""
    if answer.status in _UNKNOWN:
        message = f"arXiv has no category {category} (HTTP {answer.status})"
        raise SourceError(message, where=where, retry=False, fault=SourceFault.MISSING)
    if answer.status != HTTPStatus.OK:
        message = f"HTTP {answer.status} instead of {expected} of {category}"
        raise SourceError(message, where=where, fault=SourceFault.INVALID)
