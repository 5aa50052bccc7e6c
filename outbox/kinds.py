"""The kinds of mail, registered by the apps that know what each is about."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog
from django.db import InterfaceError, OperationalError

from outbox.mail import Mail, NotOwed
from outbox.models import Message

log = structlog.stdlib.get_logger("grouport.outbox")

Renderer = Callable[[Sequence[Message], datetime], Mapping[int, Mail | NotOwed]]
"""Answers for a batch of one kind, by primary key, right before it is sent.

For each message: the mail's words, or NotOwed. It runs a constant number of queries a batch,
and may be asked again about the same message: it only reads.
"""

_renderers: dict[str, Renderer] = {}


class UnknownKind(LookupError):
    """No app has registered this kind: the mail cannot be written, now or later."""


def register(kind: str, renderer: Renderer) -> None:
    """Let `renderer` write the mails of a kind. Raises ValueError when the kind is taken."""
    if kind in _renderers:
        raise ValueError(f"The kind {kind!r} already has a renderer.")
    _renderers[kind] = renderer


def render(
    kind: str, messages: Sequence[Message], now: datetime
) -> dict[int, Mail | NotOwed | Exception]:
    """The renderer's answer for each message, or what went wrong with that message alone.

    A lost database connection is raised: it says nothing about the messages.
    """
    renderer = _renderers.get(kind)
    if renderer is None:
        unknown = UnknownKind(f"No renderer is registered for mails of the kind “{kind}”.")
        return {message.pk: unknown for message in messages}
    try:
        answers = renderer(messages, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(messages) == 1:
            _log_failure(messages[0], error)
            return {messages[0].pk: error}
        # One of them is bad: ask for halves, until it stands alone and the others go out.
        middle = len(messages) // 2
        return render(kind, messages[:middle], now) | render(kind, messages[middle:], now)
    silence = RuntimeError("The renderer gave no answer for this mail.")
    return {message.pk: answers.get(message.pk) or silence for message in messages}


def _log_failure(message: Message, error: Exception) -> None:
    """Name the place, not the words: an error's text may quote what a person wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    log.error(
        "mail.rendering_failed",
        kind=message.kind,
        message=message.pk,
        error=type(error).__name__,
        where=f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "",
    )
