"""The mailbox's front door: an SMTP server that keeps every mail as a file and sends none."""

import argparse
import signal
import threading
import time
import uuid
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.clock import seconds_ahead
from sandbox.ports import HOST

RECIPIENTS_HEADER = "X-Envelope-To"
SENDER_HEADER = "X-Envelope-From"
ARRIVAL_HEADER = "X-Arrived-At"


class Keeper:
    """Stores each accepted mail as `<arrival>-<chance>.eml`, its envelope in headers on top.

    The name sorts by real time; the header has the sandbox's, which `clock` may have moved.
    """

    def __init__(self, folder: Path, clock: Path | None = None) -> None:
        self.folder = folder
        self.clock = clock
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content or b""
        if isinstance(content, str):
            content = content.encode()
        arrived_at = time.time() + (seconds_ahead(self.clock) if self.clock else 0.0)
        head = (
            f"{ARRIVAL_HEADER}: {arrived_at}\r\n"
            f"{SENDER_HEADER}: {envelope.mail_from}\r\n"
            f"{RECIPIENTS_HEADER}: {', '.join(envelope.rcpt_tos)}\r\n"
        )
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
        unfinished = self.folder / f".{name}"
        unfinished.write_bytes(head.encode() + content)
        unfinished.rename(self.folder / f"{name}.eml")  # a reader never sees half a mail
        return "250 Message accepted"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--clock", type=Path, help="a file with seconds to run ahead of real time")
    options = parser.parse_args()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    controller = Controller(Keeper(options.folder, options.clock), hostname=HOST, port=options.port)
    controller.start()
    stopped.wait()
    controller.stop()


if __name__ == "__main__":
    main()
