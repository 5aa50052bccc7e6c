"""The server: HTTP/1.1 on the loopback address, a thread for each connection."""

import socket
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from sandbox.stripe_standin import api, control, pages
from sandbox.stripe_standin.http_types import Request, Response, as_json
from sandbox.stripe_standin.world import World

HOST = "127.0.0.1"
LARGEST_BODY = 1_000_000


def respond(world: World, request: Request) -> Response:
    first = request.path.split("/")[1]
    if first == "v1":
        return api.handle(world, request)
    if first == "pay":
        return pages.handle(world, request)
    if first == "_control":
        return control.handle(world, request)
    return as_json({"error": {"message": f"Nothing at {request.path}"}}, 404)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    # An answer goes out at once, not after the peer's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    timeout = 120
    server: "Server"

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            self._send(as_json({"error": {"message": "Request too large"}}, 413))
            return
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query=parts.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length).decode("utf-8", "replace"),
        )
        self._send(respond(self.server.world, request))

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the base class asks for these names

    def _send(self, response: Response) -> None:
        if response.abort:
            self.close_connection = True
            if response.abort == "reset":  # linger 0: the kernel sends RST instead of FIN
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            return
        body = response.body.encode()
        self.send_response(response.status)
        self.send_header("Content-Type", f"{response.content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Silent: /_control/requests keeps the log."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        super().__init__((HOST, port), Handler)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}"

    def server_bind(self) -> None:
        """Bind without the base class's reverse look-up of the host's name."""
        socket.socket.setsockopt(self.socket, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that hung up is no news."""
