"""The processes that a bench needs: started in order, watched, always stopped."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import psutil
from cryptography.fernet import Fernet

from bench.postgres import OWN_NAME, Postgres
from bench.sink import SinkLog
from sandbox.children import BASE_DIR, dies_with_parent
from sandbox.ports import HOST, answers, free_port
from sandbox.stack import wait_until
from sandbox.stripe_standin.errors import check_contract

FOLDER = "grouport-bench-"
GRACE_SECONDS = 5
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HOSTNAME = "grouport.test"
SITE_URL = f"https://{HOSTNAME}"
DATABASE = "grouport"
WEBHOOK_SECRET = "whsec_standin"  # noqa: S105  the stand-in's


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off an interruption to the end of the block, which starts what must be stopped."""
    held: list[int] = []
    before = {n: signal.signal(n, lambda number, frame: held.append(number)) for n in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            raise KeyboardInterrupt


class PartEnded(Exception):
    """A process that should run has ended."""


class Parts:
    """`with Parts() as parts:` owns a folder and all processes; both are gone afterwards."""

    def __init__(self, *, show_queries: bool = False) -> None:
        self._show_queries = show_queries
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._after = contextlib.ExitStack()
        self.environment: dict[str, str] = {}

    def __enter__(self) -> "Parts":
        self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
        self._after.callback(shutil.rmtree, self.folder, ignore_errors=True)
        server = Postgres(self.folder, show=self._show_queries)
        try:
            with uninterrupted():
                self.postgres = self._after.enter_context(server)
        except BaseException:
            self._after.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)  # stopping is not to be interrupted
        if isinstance(error, Exception):
            error.add_note(self.last_words())
        self.stop()
        told = self.log("standin")
        self._after.close()
        if error is None:
            check_contract(told)

    # --- processes ----------------------------------------------------------------------

    def start(
        self, name: str, command: Sequence[str], **environment: str
    ) -> "subprocess.Popen[bytes]":
        """Start a process that dies with this one and writes to `<name>.log`."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*dies_with_parent(), *command],
                cwd=BASE_DIR,
                env={**self.environment, "PGAPPNAME": name, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches this process alone, which stops the others in order.
                start_new_session=True,
            )
        self._running.append((name, process))
        return process

    def wait_until(self, what: str, ready: Callable[[], bool], seconds: float = 60) -> None:
        def looked() -> bool:
            self.check()
            return ready()

        wait_until(looked, what, seconds)

    def check(self) -> None:
        """Raises PartEnded when a process has ended by itself."""
        for name, process in self._running:
            if process.poll() is not None:
                raise PartEnded(f"{name} ended by itself with exit code {process.returncode}")

    def stop(self, *names: str) -> None:
        """Stop the named processes, or all: the youngest first, with a grace time."""
        ending = [one for one in self._running if not names or one[0] in names]
        for _, process in reversed(ending):
            _signal_group(process, signal.SIGTERM)
        for one in reversed(ending):
            _wait_for_group(one[1])
            self._running.remove(one)

    def log(self, name: str) -> str:
        """What a part has written until now; nothing if it never ran."""
        log = self.folder / f"{name}.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def last_words(self) -> str:
        """The end of each process's log."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in logs
        )

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time that each part has used, its children included."""
        used = {name: _cpu(process.pid) for name, process in self._running}
        return {**used, "postgres": _cpu(self.postgres.pid)}

    # --- the application ----------------------------------------------------------------

    def prepare_environment(self) -> None:
        """Start Redis and write the environment of production, for this process too.

        Ports for the mail server and the stand-in are chosen, and answer when they are started.
        """
        redis_port, self.email_port, self.standin_port = free_port(), free_port(), free_port()
        standin = f"http://{HOST}:{self.standin_port}"
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **keep,
            "DJANGO_SETTINGS_MODULE": "grouport.settings",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "ALLOWED_HOSTS": f"{HOSTNAME},{HOST}",
            "DATABASE_URL": self.postgres.url(DATABASE),
            "REDIS_URL": f"redis://{HOST}:{redis_port}/0",
            "STRIPE_SECRET_KEY": "sk_test_standin",
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_API_BASE": standin,
            "STRIPE_CHECKOUT_ORIGIN": standin,
            "INTAKE_KEYS": Fernet.generate_key().decode(),
            "SITE_URL": SITE_URL,
            "EMAIL_URL": f"smtp://{HOST}:{self.email_port}",
            "STATIC_ROOT": str(self.folder / "static"),
            "LOG_LEVEL": "INFO",  # as docker-compose.yml has it
        }
        self._start_redis(redis_port)
        os.environ.pop("GROUPORT_MODE", None)
        os.environ.update({**self.environment, "LOG_LEVEL": "WARNING", "PGAPPNAME": OWN_NAME})
        # Imported only here: its settings read the environment that was written just now.
        import django

        django.setup()

    def fill(self) -> None:
        """The database with its tables, and the names of the static files."""
        from django.core.management import call_command  # needs the settings, as above
        from django.test.utils import override_settings

        self.postgres.create(DATABASE)
        call_command("migrate", verbosity=0)
        # The names are those of production; compressing the files would take half a minute.
        plain = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
        with override_settings(STORAGES={"staticfiles": plain}):
            call_command("collectstatic", interactive=False, verbosity=0)

    def _start_redis(self, port: int) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise PartEnded("redis-server is not installed")
        command = [program, "--port", str(port), "--bind", HOST, "--save", ""]
        self.start("redis", [*command, "--dir", str(self.folder)])
        self.wait_until("redis", lambda: answers(port))

    def start_web(
        self, module: str, *, workers: int, threads: int, name: str = "", **environment: str
    ) -> int:
        """gunicorn as the Dockerfile runs it, on a free port, which is returned."""
        port = free_port()
        _, _, *options = dockerfile_command()
        for option, value in (
            ("--bind", f"{HOST}:{port}"),
            ("--workers", str(workers)),
            ("--threads", str(threads)),
        ):
            options[options.index(option) + 1] = value
        command = [sys.executable, "-m", "gunicorn", module, *options]
        self.start(name or module.rpartition(".")[2], command, **environment)
        self.wait_until(module, lambda: answers(port))
        return port

    def start_workers(self, processes: int) -> None:
        """Celery's workers as docker-compose.yml runs them; returns when all of them wait."""
        logs = []
        for number in range(processes):
            name = f"worker-{number}" if number else "worker"
            command = [sys.executable, "-m", "celery", "--app", "grouport", "worker"]
            command += ["--pool", "threads", "--concurrency", "8"]
            command += ["--hostname", f"{name}@bench", "--loglevel", "info"]
            self.start(name, command)
            logs.append(self.folder / f"{name}.log")
        self.wait_until("workers", lambda: all(b" ready." in log.read_bytes() for log in logs))

    def start_sink(self, *, spool: Path | None = None, reply_ms: float = 0.0) -> SinkLog:
        """The mail server that takes everything; its log says what it took."""
        log = SinkLog(self.folder / "accepted")
        command = [sys.executable, "-m", "bench.sink", "--port", str(self.email_port)]
        command += ["--log", str(log.path), "--reply-ms", str(reply_ms)]
        if spool:
            command += ["--spool", str(spool)]
        self.start("sink", command)
        self.wait_until("sink", lambda: answers(self.email_port))
        return log

    def start_standin(self, webhook_port: int) -> None:
        port = self.standin_port
        command = [sys.executable, "-m", "sandbox.stripe_standin", "--port", str(port)]
        command += ["--webhook-url", f"http://{HOST}:{webhook_port}/webhooks/stripe/"]
        self.start("standin", [*command, "--logged-requests", "10"])
        self.wait_until("standin", lambda: answers(port))


def dockerfile_command() -> list[str]:
    """The web process's command line: gunicorn, the application, its options."""
    _, _, command = (BASE_DIR / "Dockerfile").read_text().rpartition("\nCMD ")
    found: list[str] = json.loads(command.replace("\\\n", ""))
    return found


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _wait_for_group(process: "subprocess.Popen[bytes]") -> None:
    """Until a process and all that it started have ended; those that do not are killed."""

    def has_ended() -> bool:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    try:
        wait_until(has_ended, "the end", GRACE_SECONDS)
    except TimeoutError:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _cpu(pid: int) -> float:
    """Seconds of a process, its living children and those that it has outlived."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total
