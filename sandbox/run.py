"""`bin/run`: the whole of Grouport on this machine, as one command that Ctrl-C ends.

The parts are the ones of production wherever they can be: gunicorn, a Celery worker, Celery's
clock. Around them stand a database file, a broker, a mailbox and a stand-in for Stripe; each
of these four is left out when the environment names a real one (DATABASE_URL, REDIS_URL,
EMAIL_URL, STRIPE_SECRET_KEY or STRIPE_API_BASE).
"""

import importlib
import importlib.util
import json
import os
import shutil
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from sandbox.children import BASE_DIR, ChildEnded, Children, say
from sandbox.ports import HOST, answers, free_port

PYTHON = sys.executable
DEFAULT_PORT = 8000
ADDRESSES = "addresses.json"


class Parts:
    """What runs, in the order of starting. `addresses` collects what others need to know."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.addresses: dict[str, str] = {}
        self.children = Children(os.environ)

    def set(self, **variables: str) -> None:
        """For the children, and for this process, which reads the settings too."""
        os.environ.update(variables)
        self.children.environment.update(variables)

    def choose_addresses(self, port: int) -> None:
        self.port = free_port(port)
        if port and self.port != port:
            say(f"Port {port} is in use by another program; using {self.port} instead.")
        site_url = os.environ.get("SITE_URL") or f"http://{HOST}:{self.port}"
        mailbox = os.environ.get("MAILBOX_DIR") or str(self.var / "mail")
        self.set(
            GROUPORT_MODE="development",
            # The pages that people will see, errors included; DEBUG=1 shows Django's own.
            DEBUG=os.environ.get("DEBUG") or "0",
            DATABASE_URL=os.environ.get("DATABASE_URL")
            or f"sqlite:///{self.var / 'grouport.sqlite3'}",
            SITE_URL=site_url,
            MAILBOX_DIR=mailbox,
            SANDBOX_CLOCK=str(self.var / "clock"),
            PYTHONUNBUFFERED="1",
        )
        self.addresses.update(site_url=site_url, mail_dir=mailbox)

    def start_broker(self) -> None:
        if not os.environ.get("REDIS_URL"):
            port = free_port()
            self.set(REDIS_URL=f"redis://{HOST}:{port}/0")
            if program := shutil.which("redis-server"):
                command = [program, "--port", str(port), "--bind", HOST, "--save", ""]
                command += ["--dir", str(self.var), "--logfile", "redis.log"]
            else:
                command = [PYTHON, "-m", "sandbox.broker", "--port", str(port)]
            self.children.start("broker", command)
            self.children.wait_until("broker", lambda: answers(port))
        self.addresses["redis_url"] = os.environ["REDIS_URL"]

    def start_mailbox(self) -> None:
        if os.environ.get("EMAIL_URL"):
            return
        port = free_port()
        self.set(EMAIL_URL=f"smtp://{HOST}:{port}")
        folder = self.addresses["mail_dir"]
        command = [PYTHON, "-m", "sandbox.smtp", "--port", str(port), "--folder", folder]
        command += ["--clock", os.environ["SANDBOX_CLOCK"]]
        self.children.start("mail", command)
        self.children.wait_until("mail", lambda: answers(port))

    def start_stripe(self) -> None:
        if os.environ.get("STRIPE_SECRET_KEY") or os.environ.get("STRIPE_API_BASE"):
            return
        port = free_port(self.port + 1 if self.port < 65000 else 0)
        url = f"http://{HOST}:{port}"
        key, secret = "sk_test_standin", "whsec_standin"
        self.set(
            STRIPE_SECRET_KEY=key,
            STRIPE_WEBHOOK_SECRET=secret,
            STRIPE_API_BASE=url,
            STRIPE_CHECKOUT_ORIGIN=url,
        )
        command = [PYTHON, "-m", "sandbox.stripe_standin", "--port", str(port)]
        command += ["--webhook-url", f"http://{HOST}:{self.port}/webhooks/stripe/"]
        command += ["--secret-key", key, "--webhook-secret", secret]
        command += ["--state", str(self.var / "stripe.json")]
        command += ["--clock", os.environ["SANDBOX_CLOCK"]]
        self.children.start("stripe", command)
        self.children.wait_until("stripe", lambda: answers(port))
        self.addresses["standin_url"] = url

    def prepare_database(self) -> None:
        self.children.run("migrate", [PYTHON, "manage.py", "migrate", "--verbosity", "0"])
        if importlib.util.find_spec("sandbox.management.commands.demo"):
            self.children.run("demo", [PYTHON, "manage.py", "demo"])

    def start_application(self) -> None:
        web = [PYTHON, "-m", "gunicorn", "grouport.wsgi", "--bind", f"{HOST}:{self.port}"]
        web += ["--worker-class", "gthread", "--threads", "8", "--log-level", "warning"]
        if os.environ.get("RELOAD"):
            web += ["--reload"]
        self.children.start("web", [*web, "--no-control-socket"])
        # A container's only user is often root, which is no news on a development machine.
        calm = ["-W", "ignore:You're running the worker with superuser privileges"]
        celery = [PYTHON, *calm, "-m", "celery", "--app", "grouport", "--quiet"]
        # Threads, because a pool of processes does not end in time when it is told to.
        worker = ["worker", "--pool", "threads", "--concurrency", "4"]
        self.children.start("worker", [*celery, *worker, "--without-gossip", "--without-mingle"])
        self.children.start("beat", [*celery, "beat", "--pidfile="])
        self.children.wait_until("web", lambda: page_answers(f"http://{HOST}:{self.port}/healthz"))

    def announce(self) -> None:
        """Say the addresses, and write them where a program finds them."""
        site = self.addresses["site_url"]
        rows = [("Grouport", f"{site}/"), ("Mailbox", f"{site}/sandbox/mail/")]
        rows += [("Clock", f"{site}/sandbox/clock/")]
        rows += [("Codes", f"{site}/sandbox/codes/")]
        if "standin_url" in self.addresses:
            rows.append(("Stripe's stand-in", f"{self.addresses['standin_url']}/_control/"))
        lines = ["", *(f"  {label:<24}{value}" for label, value in rows)]
        if logins := demo_logins():
            lines += ["", "  Demo logins"]
            lines += [f"  {role:<24}{email:<28}{password}" for role, email, password in logins]
        say(*lines, "", "  Ctrl-C stops everything.", "")
        unfinished = self.var / f"{ADDRESSES}.new"
        unfinished.write_text(json.dumps({**self.addresses, "pid": os.getpid()}, indent=2))
        unfinished.rename(self.var / ADDRESSES)


def page_answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def demo_logins() -> list[tuple[str, str, str]]:
    """Role, address and password of each demo person."""
    if importlib.util.find_spec("sandbox.demo") is None:
        return []
    import django  # only here, since the settings read the environment that was set above

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grouport.settings")
    django.setup()
    return list(importlib.import_module("sandbox.demo").LOGINS)


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run(var: Path, port: int) -> int:
    """Start everything and wait. Returns 0 after Ctrl-C or SIGTERM, 1 when a part failed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    var.mkdir(parents=True, exist_ok=True)
    (var / ADDRESSES).unlink(missing_ok=True)
    parts = Parts(var)
    try:
        parts.choose_addresses(port)
        parts.start_broker()
        parts.start_mailbox()
        parts.start_stripe()
        parts.prepare_database()
        parts.start_application()
        parts.announce()
        parts.children.watch()
    except KeyboardInterrupt:
        say("", "Stopping.")
        return 0
    except ChildEnded as reason:
        say("", f"Stopping: {reason}")
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        parts.children.stop()
        (var / ADDRESSES).unlink(missing_ok=True)
    raise AssertionError("watch() never returns")


if __name__ == "__main__":
    folder = os.environ.get("GROUPORT_VAR")
    sys.exit(
        run(
            var=Path(folder).resolve() if folder else BASE_DIR / "var",
            port=int(os.environ.get("PORT") or DEFAULT_PORT),
        )
    )
