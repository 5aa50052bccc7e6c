"""Answers that only the right people may read are encrypted before they reach the database."""

from typing import TYPE_CHECKING, Any

from django.db import models

from accounts.encryption import decrypt, encrypt

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
        """What a dump carries is read back; no value here is a bare text."""
        return decrypt(value) if isinstance(value, str) else value

    def value_to_string(self, obj: models.Model) -> str:
        """Dumps (`manage.py dumpdata`) carry the ciphertext, never the answers."""
        return self.get_prep_value(self.value_from_object(obj)) or ""
