"""The command: `python -m sandbox.stripe_standin --help`."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from sandbox.stripe_standin.server import Server
from sandbox.stripe_standin.webhooks import DEFAULT_EVENTS
from sandbox.stripe_standin.world import Config, World

HELP = (
    "A stand-in for Stripe on this machine: API, payment page, webhooks. Point the app at the "
    "address it prints. Controls for people are at /_control/."
)


def read_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe_standin", description=HELP)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--port-file", type=Path, help="write the port here once it listens")
    parser.add_argument("--webhook-url", default="", help="where the app takes webhooks")
    parser.add_argument("--secret-key", default="sk_test_standin", help="must be sk_test_…")
    parser.add_argument("--webhook-secret", default="whsec_standin")
    parser.add_argument(
        "--webhook-events",
        default=",".join(DEFAULT_EVENTS),
        help="the event types that the app subscribes to, with * (default: %(default)s)",
    )
    parser.add_argument("--webhook-workers", type=int, default=4, help="deliveries at a time")
    parser.add_argument("--state", type=Path, help="JSON file that survives a restart")
    parser.add_argument("--business-name", default="Example practice")
    parser.add_argument(
        "--slow-payment-seconds",
        type=float,
        default=30.0,
        help="after how long the money of a slow payment arrives (default: %(default)s)",
    )
    parser.add_argument("--clock", type=Path, help="a file with seconds to run ahead of real time")
    parser.add_argument("--logged-requests", type=int, default=2_000)
    arguments = parser.parse_args(argv)
    if not arguments.secret_key.startswith("sk_test_"):
        parser.error("--secret-key must start with sk_test_: the stand-in takes no real key")
    if arguments.webhook_url and urlsplit(arguments.webhook_url).scheme not in ("http", "https"):
        parser.error("--webhook-url must be an http address")
    return arguments


def main(argv: list[str]) -> int:
    arguments = read_arguments(argv)
    world = World(
        Config(
            secret_key=arguments.secret_key,
            webhook_secret=arguments.webhook_secret,
            webhook_url=arguments.webhook_url,
            webhook_events=tuple(arguments.webhook_events.split(",")),
            webhook_workers=arguments.webhook_workers,
            business_name=arguments.business_name,
            state=arguments.state,
            slow_payment_seconds=arguments.slow_payment_seconds,
            logged_requests=arguments.logged_requests,
            clock_file=arguments.clock,
        )
    )
    server = Server(world, arguments.port)
    world.start(server.url)
    if arguments.port_file:
        draft = arguments.port_file.with_suffix(".part")
        draft.write_text(f"{server.server_port}\n", encoding="utf-8")
        draft.replace(arguments.port_file)
    sys.stdout.write(f"Stripe stand-in on {server.url} (controls: {server.url}/_control/)\n")
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, _stop)
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        world.stop()
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
