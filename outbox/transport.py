"""One conversation with the mail server, kept open, and what its replies mean for a mail."""

import select
import smtplib
from contextlib import suppress
from types import TracebackType
from typing import Self

from django.core.mail import EmailMessage, get_connection
from django.db import connection

from outbox import letter

DROPS_IN_A_ROW = 3

_CLOSING = 421
_TOO_LARGE = 552


class Refused(Exception):
    """This mail will never be accepted."""


class Deferred(Exception):
    """This mail was not accepted now, or nobody knows whether it was."""


class _Closing(Deferred):
    """The server said goodbye instead of taking the mail."""


class ServerAway(Exception):
    """No mail can be handed over now."""


def refuse_open_transaction() -> None:
    """Raise RuntimeError inside a transaction: the network must not hold locks on rows.

    The transaction that a test wraps around itself does not count (as in Django's `durable`).
    """
    blocks = connection.atomic_blocks
    if blocks and not getattr(blocks[-1], "_from_testcase", False):
        raise RuntimeError("Mail is not sent inside a database transaction.")


class Conversation:
    """Sends mails one by one over one connection, and opens another when it is lost."""

    def __init__(self) -> None:
        self._backend = get_connection()
        self._open = False
        self._drops = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hang_up()

    def send(self, email: EmailMessage) -> None:
        """Hand over one mail. Raises Refused, Deferred or ServerAway.

        When the connection is lost before the server's last word, the mail may have been
        accepted. That counts as deferred: rather twice, under one Message-ID, than never.
        """
        refuse_open_transaction()
        try:
            self._hand_over(email)
        except _Closing:
            # Many servers take so many mails on one connection and then say 421.
            self._hand_over(email)

    def _hand_over(self, email: EmailMessage) -> None:
        self._connect()
        try:
            self._deliver(email)
        except smtplib.SMTPRecipientsRefused as error:
            self._drops = 0
            code, reply = next(iter(error.recipients.values()))
            raise self._verdict(code, reply) from error
        except smtplib.SMTPResponseException as error:
            self._drops = 0
            ours = isinstance(error, smtplib.SMTPSenderRefused) and error.smtp_code != _TOO_LARGE
            raise self._verdict(error.smtp_code, error.smtp_error, ours=ours) from error
        except OSError as error:  # smtplib's own errors are OSErrors too
            self._drops += 1
            self._hang_up()
            raise Deferred(f"The connection was lost: {error}") from error
        except ValueError as error:  # a header or an address that cannot be written
            self._hang_up()  # it may have stopped half-way through the dialogue
            raise Refused(f"{type(error).__name__}: {error}") from error
        self._drops = 0

    def _deliver(self, email: EmailMessage) -> None:
        """Raises what smtplib raises, and ValueError for a mail that cannot be written."""
        people = email.recipients()
        if len(people) != 1:
            raise ValueError(f"A mail goes to one person, not to {len(people)}.")
        smtp = self._smtp()
        if smtp is None:  # a backend that keeps or prints mails
            self._backend.send_messages([email])
            return
        try:
            sender = letter.bare_address(email.from_email)
        except ValueError as error:  # our own setting, which says nothing of the mail
            raise Deferred(f"DEFAULT_FROM_EMAIL is no address: {error}") from error
        smtp.sendmail(sender, [letter.bare_address(people[0])], letter.wire(email))

    def _smtp(self) -> smtplib.SMTP | None:
        smtp = getattr(self._backend, "connection", None)
        return smtp if isinstance(smtp, smtplib.SMTP) else None

    def _connect(self) -> None:
        if self._open and not self._gone():
            return
        self._hang_up()
        if self._drops >= DROPS_IN_A_ROW:
            raise ServerAway(f"The mail server dropped {self._drops} connections in a row.")
        try:
            self._backend.open()
        except OSError as error:  # refused, timed out, TLS or login failed
            raise ServerAway(f"{type(error).__name__}: {error}") from error
        self._open = True

    def _gone(self) -> bool:
        """Whether the server has left: a server that waits for mail has nothing to say."""
        smtp = self._smtp()
        if smtp is None:
            return False
        if smtp.sock is None:
            return True
        said = select.poll()
        said.register(smtp.sock, select.POLLIN)
        return bool(said.poll(0))

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._backend.close()
        self._open = False

    def _verdict(self, code: int, reply: bytes | str, *, ours: bool = False) -> Exception:
        """What a reply means; `ours`: it is about the sender, which says nothing of the mail."""
        words = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
        if code == _CLOSING:
            self._hang_up()
            return _Closing(f"{code} {words}")
        if 500 <= code < 600 and not ours:
            return Refused(f"{code} {words}")
        return Deferred(f"{code} {words}")
