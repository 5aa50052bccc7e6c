"""Keeping promises: claim a batch, ask what is still owed, send, mark.

A mail is sent only while its message is leased to this process and by words that are at most
`FRESH` old; no row is locked meanwhile. It is marked after the server took it, never before,
so none is lost. Sent mails are marked in groups: a process that is killed between sending and
marking leaves **at most `MARK_EVERY` mails** that go out a second time, under the same
Message-ID. That is the bound for each killed process, whatever the length of the queue.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog

from outbox import claims, kinds
from outbox.letter import address
from outbox.mail import Mail, NotOwed
from outbox.models import Message, State
from outbox.transport import Conversation, Deferred, Refused, ServerAway, refuse_open_transaction

log = structlog.stdlib.get_logger("grouport.outbox")

BATCH = 100
MARK_EVERY = 20
MARK_WITHIN = 1.0  # seconds: with a slow server a group is marked before it is full
# How old the answer to "is it still owed?" may be when the mail goes out.
FRESH = timedelta(seconds=5)

Clock = Callable[[], datetime]


@dataclass(slots=True)
class Tally:
    """What became of the messages of one run, and why it stopped."""

    sent: int = 0
    not_owed: int = 0
    put_off: int = 0
    failed: int = 0
    given_back: int = 0
    server_away: bool = False
    more_due: bool = False


def deliver_due(*, clock: Clock, limit: int | None = None, seconds: float | None = None) -> Tally:
    """Send what is due, batch by batch, over one connection.

    Stops when nothing is due, when the server is away, or with `more_due` after `limit`
    messages or about `seconds` seconds. Any number of processes may run it at once. Raises
    RuntimeError inside a transaction.
    """
    refuse_open_transaction()
    tally = Tally()
    started, claimed = time.monotonic(), 0
    with Conversation() as conversation:
        while not tally.server_away:
            room = BATCH if limit is None else min(BATCH, limit - claimed)
            late = seconds is not None and time.monotonic() - started >= seconds
            if room <= 0 or late:
                tally.more_due = claims.are_due(more_than=0, now=clock())
                break
            lease, messages = claims.claim(limit=room, now=clock())
            if not messages:
                break
            claimed += len(messages)
            _Batch(lease, messages, clock, conversation, tally).deliver()
    if claimed:
        log.info("mail.delivered", **asdict(tally))
    return tally


class _Batch:
    """The messages of one claim. Those in `_waiting` have not been concluded yet."""

    def __init__(
        self,
        lease: uuid.UUID,
        messages: Sequence[Message],
        clock: Clock,
        conversation: Conversation,
        tally: Tally,
    ) -> None:
        self._lease = lease
        self._waiting = {message.pk: message for message in messages}
        self._clock = clock
        self._conversation = conversation
        self._tally = tally
        self._unmarked: list[int] = []
        self._unmarked_since = 0.0

    def deliver(self) -> None:
        """Conclude every message; whatever interrupts it, the rest returns to the queue."""
        trouble = ""
        try:
            self._go_round()
        except ServerAway as error:
            self._tally.server_away = True
            trouble = str(error)
            log.warning("mail.server_away", waiting=len(self._waiting))
        finally:
            self._mark_sent()
            if self._waiting:
                self._tally.given_back += claims.give_back(
                    lease=self._lease, pks=self._waiting, error=trouble
                )

    def _go_round(self) -> None:
        """Render and send, again from the start whenever the words have grown old."""
        size = len(self._waiting)
        while self._waiting:
            before = len(self._waiting)
            self._render_and_send(list(self._waiting.values())[:size], hurried=size == 1)
            if not self._waiting:
                return
            if len(self._waiting) == before:
                # Rendering itself takes too long for so many: ask for fewer.
                size = max(1, size // 4)
            held = claims.renew(lease=self._lease, pks=self._waiting, now=self._clock())
            self._waiting = {message.pk: message for message in held}

    def _render_and_send(self, messages: Sequence[Message], *, hurried: bool) -> None:
        rendered_at = self._clock()
        for message, mail in self._owed(messages, rendered_at):
            if not hurried and self._clock() - rendered_at > FRESH:
                break
            self._send(message, mail)
        self._mark_sent()

    def _owed(self, messages: Sequence[Message], now: datetime) -> list[tuple[Message, Mail]]:
        """The words of the mails that are still owed; concludes the others."""
        by_kind: dict[str, list[Message]] = defaultdict(list)
        for message in messages:
            by_kind[message.kind].append(message)
        answers: dict[int, Mail | NotOwed | Exception] = {}
        for kind, of_kind in by_kind.items():
            answers |= kinds.render(kind, of_kind, now)

        owed = []
        not_owed: dict[str, list[int]] = defaultdict(list)
        for message in messages:
            match answers[message.pk]:
                case Mail() as mail:
                    owed.append((message, mail))
                case NotOwed(reason):
                    not_owed[reason].append(message.pk)
                case kinds.UnknownKind() as error:
                    self._fail(message, str(error))
                case error:
                    self._put_off(message, f"{type(error).__name__}: {error}")
        for reason, pks in not_owed.items():
            claims.mark_not_owed(lease=self._lease, pks=pks, reason=reason)
            self._tally.not_owed += len(pks)
            self._conclude(pks)
        return owed

    def _send(self, message: Message, mail: Mail) -> None:
        try:
            self._conversation.send(address(message, mail))
        except Refused as error:
            self._fail(message, str(error))
        except Deferred as error:
            self._put_off(message, str(error))
        else:
            self._conclude([message.pk])
            if not self._unmarked:
                self._unmarked_since = time.monotonic()
            self._unmarked.append(message.pk)
        waited = time.monotonic() - self._unmarked_since
        if len(self._unmarked) >= MARK_EVERY or (self._unmarked and waited >= MARK_WITHIN):
            self._mark_sent()

    def _mark_sent(self) -> None:
        if not self._unmarked:
            return
        sent, self._unmarked = self._unmarked, []
        marked = claims.mark_sent(lease=self._lease, pks=sent, now=self._clock())
        self._tally.sent += len(sent)
        if marked < len(sent):
            log.error("mail.lease_lost", sent=len(sent), marked=marked)

    def _fail(self, message: Message, error: str) -> None:
        claims.mark_failed(lease=self._lease, pks=[message.pk], error=error)
        self._tally.failed += 1
        self._conclude([message.pk])
        log.warning("mail.failed", kind=message.kind, message=message.pk)

    def _put_off(self, message: Message, error: str) -> None:
        state = claims.put_off(lease=self._lease, message=message, error=error, now=self._clock())
        if state == State.FAILED:
            self._tally.failed += 1
        else:
            self._tally.put_off += 1
        self._conclude([message.pk])
        log.warning("mail.put_off", kind=message.kind, message=message.pk, state=state)

    def _conclude(self, pks: Sequence[int]) -> None:
        for pk in pks:
            del self._waiting[pk]
