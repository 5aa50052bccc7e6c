"""What only the right people may read is encrypted before it reaches the database: the answers of
members, and the secrets of second factors.

Keys come from `INTAKE_KEYS`, newest first: the first one writes, every one reads. Rotate by
putting a new key in front, saving every row again, then dropping the old key.
"""

import json
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@cache
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(f"INTAKE_KEYS must be a list of Fernet keys: {error}") from None


def encrypt(value: Any) -> str:
    """A JSON value as one Fernet token, under the newest key."""
    clear = json.dumps(value, separators=(",", ":")).encode()
    return _cipher(tuple(settings.INTAKE_KEYS)).encrypt(clear).decode()


def decrypt(token: str) -> Any:
    """What `encrypt` was given. Raises Unreadable when no key opens it."""
    try:
        clear = _cipher(tuple(settings.INTAKE_KEYS)).decrypt(token.encode())
    except InvalidToken:
        raise Unreadable("A value was encrypted with a key that INTAKE_KEYS lacks.") from None
    return json.loads(clear)


class Unreadable(Exception):
    """No key of `INTAKE_KEYS` opens this value; it is never handed out as ciphertext."""
