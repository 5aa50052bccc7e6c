"""A mail server on a port that is known beforehand, which treats some recipients badly."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.ports import HOST
from tests.smtp_sink import SmtpSink


@dataclass
class MailServer(SmtpSink):
    """`moods` maps an address to what happens, once, after a mail to it was taken.

    "drop" hangs up without a word; "hang" says nothing until the client has lost its patience.
    `mail_seconds` is what each mail takes, as with a server some way off.
    """

    moods: dict[str, str] = field(default_factory=dict)
    mail_seconds: float = 0.0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.mail_seconds:
            await asyncio.sleep(self.mail_seconds)
        reply = await super().handle_DATA(server, session, envelope)
        mood = self.moods.pop(envelope.rcpt_tos[0], "")
        if mood == "drop":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if mood == "hang":
            await asyncio.sleep(5)
        return reply

    def copies(self) -> Counter[str]:
        """How often each mail was taken, by its Message-ID."""
        return Counter(str(received.message["Message-ID"]) for received in list(self.messages))

    def recipients(self) -> list[str]:
        """The address of each mail, in the order of arrival."""
        return [received.rcpt_tos[0] for received in list(self.messages)]

    def __enter__(self) -> "MailServer":
        self._controller = Controller(self, hostname=HOST, port=self.port)
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()
