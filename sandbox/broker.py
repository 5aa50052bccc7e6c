"""A broker for machines without a redis-server: Redis' own protocol, in memory."""

import argparse
import signal
import sys
from types import FrameType

from fakeredis import TcpFakeServer

from sandbox.ports import HOST


def stop(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    server = TcpFakeServer((HOST, options.port))
    server.daemon_threads = True  # a waiting client must not keep the process alive
    server.serve_forever()


if __name__ == "__main__":
    main()
