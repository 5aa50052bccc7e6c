"""A mail server that takes everything, fast enough not to be what is measured.

`python -m bench.sink --port N --log FILE`: several processes accept in turn; each accepted
mail is one line in the log: its Message-ID, its recipient, the time. A mail without either
is refused. `--reply-ms` waits before each reply, as a server some way off would.
"""

import argparse
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.ports import HOST

PROCESSES = 4


class Sink:
    """One process's share of the connections, a thread for each."""

    def __init__(self, log: int, spool: int | None, reply_seconds: float) -> None:
        self._log = log
        self._spool = spool
        self._wait = reply_seconds

    def serve(self, listener: socket.socket) -> None:
        while True:
            # The kernel wakes the process that has waited longest, so they take turns.
            connection, _ = listener.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb", buffering=65536) as lines:
            try:
                self._reply(connection, b"220 sink\r\n")
                recipient = b""
                while line := lines.readline():
                    verb = line[:4].upper()
                    if verb == b"RCPT":
                        recipient = line[8:].strip(b" <>\r\n")
                    if verb == b"DATA":
                        self._reply(connection, b"354 go on\r\n")
                        answer = self._take(_content(lines), recipient)
                        recipient = b""
                        self._reply(connection, answer)
                    elif verb == b"QUIT":
                        self._reply(connection, b"221 bye\r\n")
                        return
                    else:
                        self._reply(connection, b"250 yes\r\n")
            except ConnectionError:
                return

    def _reply(self, connection: socket.socket, reply: bytes) -> None:
        if self._wait:
            time.sleep(self._wait)
        connection.sendall(reply)

    def _take(self, content: bytes, recipient: bytes) -> bytes:
        head = content.partition(b"\r\n\r\n")[0]
        at = head.lower().find(b"\nmessage-id:")
        if at < 0 or not recipient:
            return b"554 who, and which?\r\n"
        message_id = head[at + 12 :].split(b"\n", 1)[0].strip()
        if self._spool is not None:
            os.write(self._spool, b"%d %s\n" % (len(content), recipient) + content)
        # One write of one line: the system does not mix those of several processes.
        os.write(self._log, b"%s\t%s\t%.6f\n" % (message_id, recipient, time.time()))
        return b"250 taken\r\n"


def _content(lines: "socket.SocketIO | object") -> bytes:
    """A mail as it was sent, up to the dot."""
    parts = []
    readline = lines.readline  # type: ignore[union-attr]
    while (line := readline()) != b".\r\n":
        if not line:
            raise ConnectionError("The client left in the middle of a mail.")
        parts.append(line)
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Taken:
    """One accepted mail."""

    message_id: str
    recipient: str
    at: float


class SinkLog:
    """What the sink has accepted since the last `forget`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = 0
        path.touch()

    @property
    def total(self) -> int:
        """Mails accepted ever, forgotten ones too."""
        return self.path.read_bytes().count(b"\n")

    def forget(self) -> None:
        self._start = self.path.stat().st_size

    def count(self) -> int:
        return self._read().count(b"\n")

    def taken(self) -> list[Taken]:
        rows = (line.split("\t") for line in self._read().decode().splitlines())
        return [Taken(message_id, recipient, float(at)) for message_id, recipient, at in rows]

    def _read(self) -> bytes:
        with self.path.open("rb") as log:
            log.seek(self._start)
            return log.read()


def read_spool(path: Path) -> list[tuple[str, bytes]]:
    """The recipient and the bytes of each mail that the sink has kept."""
    mails = []
    with path.open("rb") as spool:
        while line := spool.readline():
            size, recipient = line.split()
            mails.append((recipient.decode(), spool.read(int(size))))
    return mails


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sink", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--spool", type=Path, help="keep the mails themselves here")
    parser.add_argument("--reply-ms", type=float, default=0.0)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    options = parser.parse_args(argv)
    listener = socket.create_server((HOST, options.port), backlog=512)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    spool = os.open(options.spool, flags, 0o600) if options.spool else None
    sink = Sink(os.open(options.log, flags, 0o600), spool, options.reply_ms / 1000)
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
    # The group's signal ends the children too (see Parts.stop).
    for _ in range(options.processes - 1):
        if os.fork() == 0:
            break
    sink.serve(listener)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
