"""Secrets of people, kept so that a copy of the data alone tells nobody what they are."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"paperround: keys of people"
_KEY_BYTES = 32


class SealError(Exception):
    """Sealed by a secret that we do not have, or damaged."""


class Sealer:
    """Seals with the first of `secrets`, and opens what any of them sealed, so that a secret can be replaced by a new one
    before it. Each is at least 32 characters that nobody can guess: none is stretched.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        ciphers = [Fernet(_derive(secret)) for secret in secrets]
        self._first, self._all = ciphers[0], MultiFernet(ciphers)

    def seal(self, text: str) -> str:
        """The text as nobody can read it; another one at every call."""
        return self._first.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text. Raises SealError."""
        try:
            return self._all.decrypt(sealed).decode()
        except InvalidToken as error:
            raise SealError("none of the secrets opens it") from error

    def is_current(self, sealed: str) -> bool:
        """Whether the first secret sealed it."""
        try:
            self._first.decrypt(sealed)
        except InvalidToken:
            return False
        return True


def _derive(secret: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE).derive(secret.encode())
    return urlsafe_b64encode(derived)
