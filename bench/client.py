"""The least that a browser can be: requests made beforehand, over connections kept open.

It must cost less than what it measures, so it reads no more of an answer than is needed.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.parts import HOSTNAME
from sandbox.ports import HOST

TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header, or an empty string."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.encode():
                return value.strip().decode()
        return ""


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {HOSTNAME}\r\n\r\n".encode()


def post(
    path: str,
    body: bytes = b"",
    *,
    kind: str = "application/x-www-form-urlencoded",
    headers: Mapping[str, str] | None = None,
    host: str = HOSTNAME,
) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Type: {kind}"]
    lines += [f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def form(path: str, fields: Mapping[str, str], *, headers: Mapping[str, str]) -> bytes:
    return post(path, urlencode(fields).encode(), headers=headers)


class Connection:
    """One connection, opened again when the server has closed it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open()

    def _open(self) -> None:
        self.socket = socket.create_connection((HOST, self.port), timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> Answer:
        """Send a request and read the whole answer."""
        try:
            self.socket.sendall(request)
            answer = self.read()
        except ConnectionError:  # an idle connection is closed after a while
            self.socket.close()
            self._open()
            self.socket.sendall(request)
            answer = self.read()
        if b"\r\nConnection: close" in answer.head:
            self.socket.close()
            self._open()
        return answer

    def read(self) -> Answer:
        """One answer; raises ConnectionResetError when there is none."""
        received = self.socket.recv(65536)
        while (end := received.find(b"\r\n\r\n")) < 0:
            if not (more := self.socket.recv(65536)):
                raise ConnectionResetError("The server closed the connection.")
            received += more
        head = received[:end]
        length = _length(head)
        chunks, have = [received[end + 4 :]], len(received) - end - 4
        while have < length:
            if not (more := self.socket.recv(65536)):
                raise ConnectionResetError("The server closed the connection.")
            chunks.append(more)
            have += len(more)
        return Answer(int(head[9:12]), head, b"".join(chunks))

    def close(self) -> None:
        self.socket.close()


def _length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
