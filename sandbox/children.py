"""Child processes of one supervisor: started in order, watched, stopped in reverse order."""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 10
NAME_WIDTH = 8
_one_writer = threading.Lock()


class ChildEnded(Exception):
    """A child that should run has ended, or one that should have succeeded has not."""


@functools.cache
def dies_with_parent() -> tuple[str, ...]:
    """A prefix that makes the kernel stop the command when its parent is killed.

    util-linux can ask Linux for it; elsewhere the prefix is empty.
    """
    program = shutil.which("setpriv")
    if program is None:
        return ()
    # Nothing gentler: a worker that is asked to end waits for a broker that is gone as well.
    prefix = (program, "--pdeathsig", "KILL")
    works = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if works else ()


def say(*lines: str) -> None:
    """Print whole lines, one thread at a time."""
    with _one_writer:
        print(*lines, sep="\n", flush=True)  # noqa: T201  what the runner is for


class Children:
    """Starts processes and passes their lines on, each with its process's name before it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._running: list[tuple[str, subprocess.Popen[str]]] = []
        self._relays: list[threading.Thread] = []

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [*dies_with_parent(), *command],
            cwd=BASE_DIR,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A group of its own: Ctrl-C reaches the supervisor alone, which stops in order.
            start_new_session=True,
        )
        relay = threading.Thread(target=self._relay, args=(name, child), daemon=True)
        relay.start()
        self._relays.append(relay)
        self._running.append((name, child))
        return child

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end. Raises ChildEnded when it fails."""
        child = self.start(name, command)
        code = child.wait()
        self._running.remove((name, child))
        if code:
            raise ChildEnded(f"{name} failed with exit code {code}.")

    def wait_until(self, name: str, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Return when the named child is ready; raises ChildEnded when it never will be."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ChildEnded(f"{name} did not get ready within {seconds:.0f} seconds.")
            time.sleep(0.05)

    def check(self) -> None:
        """Raises ChildEnded when any child has ended by itself."""
        for name, child in self._running:
            if child.poll() is not None:
                raise ChildEnded(f"{name} ended by itself with exit code {child.returncode}.")

    def watch(self) -> None:
        """Wait, for as long as all children run; raises ChildEnded when one does not."""
        while True:
            self.check()
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop the youngest child first; who does not go within the grace time is killed."""
        for _, child in reversed(self._running):
            _signal_group(child, signal.SIGTERM)
            try:
                child.wait(timeout=GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                _signal_group(child, signal.SIGKILL)
                child.wait()
        self._running.clear()
        for relay in self._relays:
            relay.join(timeout=2)

    def _relay(self, name: str, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        with child.stdout:
            for line in child.stdout:
                say(f"{name:<{NAME_WIDTH}} | {line.rstrip()}")


def _signal_group(child: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it went by itself
        os.killpg(child.pid, number)
