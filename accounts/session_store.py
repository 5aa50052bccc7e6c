"""Sessions in the database, under keys that Django itself has made."""

import re

from django.contrib.sessions.backends import db

KEY = re.compile(r"[a-z0-9]{32}")


class SessionStore(db.SessionStore):
    def _validate_session_key(self, key: str | None) -> bool:
        """Refuse a forged cookie before PostgreSQL has to: it fails on a NUL in a text."""
        return bool(key and KEY.fullmatch(key))
