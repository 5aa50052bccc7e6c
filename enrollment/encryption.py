"""Answers that only the right people may read are encrypted before they reach the database.

Keys come from `INTAKE_KEYS`, newest first: the first one writes, every one reads. Rotate by
putting a new key in front, saving every row again, then dropping the old key.
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


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


if TYPE_CHECKING:  # the stubs' type arguments do not exist at run time
    _TextField = models.TextField[Any, Any]
else:
    _TextField = models.TextField


class EncryptedJSONField(_TextField):
    """A JSON value, stored as one Fernet token. It cannot be searched or compared."""

    # django-stubs reads these two for the types of the attribute.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else encrypt(value)

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        return None if value is None else decrypt(value)

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        """Dumps (`manage.py dumpdata`) carry the ciphertext, never the answers."""
        return self.get_prep_value(self.value_from_object(obj)) or ""
