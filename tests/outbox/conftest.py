"""A kind of mail that exists in these tests only, and people to write to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from outbox import kinds, services
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)


@dataclass
class Notes:
    """The renderer of the kind "note", which remembers how it was asked."""

    asked: list[tuple[list[int], datetime]] = field(default_factory=list)
    withdrawn: set[int] = field(default_factory=set)  # subjects whose note is not owed any more
    broken: set[int] = field(default_factory=set)  # subjects that make the renderer raise
    before: Callable[[], None] = lambda: None

    def __call__(self, messages: Sequence[Message], now: datetime) -> Mapping[int, Mail | NotOwed]:
        self.before()
        self.asked.append(([message.subject_id for message in messages], now))
        return {message.pk: self._answer(message) for message in messages}

    def _answer(self, message: Message) -> Mail | NotOwed:
        if message.subject_id in self.broken:
            raise ZeroDivisionError("nothing to divide")
        if message.subject_id in self.withdrawn:
            return NotOwed("They have left.")
        return compose("note", f"Note {message.subject_id}", {"name": str(message.recipient)})


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Notes:
    """The kind "note", registered alone."""
    engine: dict[str, Any] = settings.TEMPLATES[0]
    own = Path(__file__).parent / "templates"
    settings.TEMPLATES = [{**engine, "DIRS": [*engine["DIRS"], own]}]
    monkeypatch.setattr(kinds, "_renderers", {})
    renderer = Notes()
    kinds.register("note", renderer)
    return renderer


def member(name: str = "Ada") -> User:
    return User.objects.create_user(f"{name}@example.com".lower(), display_name=name)


def owe(recipient: User, subject_id: int, kind: str = "note") -> Message:
    services.promise(kind=kind, recipient_id=recipient.pk, subject_id=subject_id, now=NOW)
    return Message.objects.get(kind=kind, subject_id=subject_id)


def owe_many(count: int) -> None:
    """Notes 0 to count-1, each to a person of its own: n0@example.com, n1@example.com, …"""
    people = User.objects.bulk_create(
        [User(email=f"n{n}@example.com", password="!") for n in range(count)]
    )
    for n, person in enumerate(people):
        services.promise(kind="note", recipient_id=person.pk, subject_id=n, now=NOW)


def use_server(settings: Settings, port: int) -> None:
    """Send through a mail server on this machine, and wait half a second for its replies."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = port
    settings.EMAIL_TIMEOUT = 0.5
