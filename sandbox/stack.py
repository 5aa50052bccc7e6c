"""The runner as a context manager, for tests and measurements that need all of Grouport."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from sandbox.children import BASE_DIR
from sandbox.run import ADDRESSES
from sandbox.stripe_standin.errors import check_contract

# Read by the runner or the settings: a stack takes them from its own `env` only.
OWN_VARIABLES = (
    "ALLOWED_HOSTS", "DATABASE_URL", "DEBUG", "DJANGO_SETTINGS_MODULE", "EMAIL_URL",
    "GROUPORT_MODE", "GROUPORT_VAR", "INTAKE_KEYS", "MAILBOX_DIR", "PORT", "REDIS_URL", "RELOAD",
    "SANDBOX_CLOCK", "SITE_URL", "STRIPE_API_BASE", "STRIPE_CHECKOUT_ORIGIN", "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
)  # fmt: skip


def wait_until(ready: Callable[[], bool], what: str, seconds: float) -> None:
    """Poll until ready; raises TimeoutError, which names what was waited for."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} seconds")
        time.sleep(0.05)


class Stack:
    """`with Stack(var=folder, env={...}) as stack:` runs `python -m sandbox.run` on free ports.

    `env` may name a DATABASE_URL, a REDIS_URL and so on; the other parts are the embedded ones.
    """

    def __init__(
        self, *, var: Path, env: Mapping[str, str] | None = None, seconds: float = 60
    ) -> None:
        self.var = var
        self.env = dict(env or {})
        self.seconds = seconds
        self.addresses: dict[str, str] = {}

    @property
    def site_url(self) -> str:
        return self.addresses["site_url"]

    @property
    def standin_url(self) -> str:
        return self.addresses["standin_url"]

    @property
    def redis_url(self) -> str:
        return self.addresses["redis_url"]

    @property
    def mail_dir(self) -> Path:
        return Path(self.addresses["mail_dir"])

    @property
    def log(self) -> str:
        """What all processes have printed until now."""
        return (self.var / "log").read_text(errors="replace")

    def __enter__(self) -> "Stack":
        self.var.mkdir(parents=True, exist_ok=True)
        inherited = {key: value for key, value in os.environ.items() if key not in OWN_VARIABLES}
        with (self.var / "log").open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.run"],
                cwd=BASE_DIR,
                env={**inherited, "PORT": "0", **self.env, "GROUPORT_VAR": str(self.var)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_up, "the stack", self.seconds)
        except BaseException as error:
            self.stop()
            error.add_note(self.log)
            raise
        self.addresses = json.loads((self.var / ADDRESSES).read_text())
        return self

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the stack ended with exit code {self.process.returncode}")
        return (self.var / ADDRESSES).exists()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send the signal (Ctrl-C's, unless told otherwise) and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop. Raises ContractBroken if anything said to Stripe did not fit its types."""
        self.stop()
        if error is None:
            check_contract(self.log)
