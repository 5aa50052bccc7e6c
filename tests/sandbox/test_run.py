"""`bin/run`: it starts, answers, stops cleanly, and leaves nothing behind."""

import contextlib
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sandbox import ports
from sandbox.children import ChildEnded, Children, dies_with_parent
from sandbox.stack import Stack, wait_until


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def descendants(pid: int) -> list[psutil.Process]:
    return list(psutil.Process(pid).children(recursive=True))


def alive(processes: list[psutil.Process]) -> list[str]:
    found = []
    for process in processes:
        # One that ends between the questions is gone, or a zombie, which psutil counts as gone.
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.stack
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_everything_starts_answers_and_stops_without_a_trace(
    tmp_path: Path, number: signal.Signals
) -> None:
    with Stack(var=tmp_path / "var") as stack:
        assert "<h1" in page(f"{stack.site_url}/")
        assert "<h1" in page(f"{stack.site_url}/sandbox/mail/")
        assert "admin@demo.example" in page(f"{stack.site_url}/sandbox/codes/")
        assert f"{stack.site_url}/" in stack.log
        assert f"{stack.site_url}/sandbox/codes/" in stack.log
        assert "Traceback" not in stack.log
        running = descendants(stack.process.pid)
        assert len(running) >= 6
        assert stack.stop(number) == 0, stack.log
        assert alive(running) == []
        assert "Traceback" not in stack.log


@pytest.mark.stack
def test_on_postgresql_and_redis_the_embedded_parts_stay_away(stack: Stack) -> None:
    commands = alive(descendants(stack.process.pid))
    assert "<h1" in page(f"{stack.site_url}/")
    assert [command for command in commands if "redis-server" in command] == []
    assert not (stack.var / "grouport.sqlite3").exists()


@pytest.mark.stack
def test_without_a_redis_server_a_broker_in_python_takes_its_place(tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    with Stack(var=tmp_path / "var", env={"PATH": str(empty)}) as stack:
        commands = alive(descendants(stack.process.pid))
        assert [command for command in commands if "sandbox.broker" in command] != []
        assert "<h1" in page(f"{stack.site_url}/")
        assert stack.stop() == 0, stack.log


@pytest.mark.stack
def test_a_port_in_use_is_said_and_another_one_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Stack(var=tmp_path / "var", env={"PORT": str(port)}) as stack:
            assert f"Port {port} is in use by another program" in stack.log
            assert stack.site_url != f"http://127.0.0.1:{port}"
            assert "<h1" in page(f"{stack.site_url}/")


@pytest.mark.stack
def test_a_part_that_ends_by_itself_ends_the_whole_with_an_error(tmp_path: Path) -> None:
    with Stack(var=tmp_path / "var") as stack:
        running = descendants(stack.process.pid)
        (beat,) = [process for process in running if "beat" in process.cmdline()]
        beat.kill()
        assert stack.process.wait(timeout=60) == 1
        assert "beat ended by itself" in stack.log
        assert alive(running) == []


@pytest.mark.stack
@pytest.mark.skipif(not dies_with_parent(), reason="this system cannot tie a child to its parent")
def test_children_follow_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    with Stack(var=tmp_path / "var") as stack:
        running = descendants(stack.process.pid)
        stack.process.kill()
        wait_until(lambda: alive(running) == [], "the children's end", seconds=30)


def test_children_stop_in_reverse_order_and_the_stubborn_are_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("sandbox.children.say", said.append)
    monkeypatch.setattr("sandbox.children.GRACE_SECONDS", 0.5)
    polite = "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.05; done"
    children = Children(os.environ)
    children.start("first", ["sh", "-c", polite])
    stubborn = children.start("stubborn", ["sh", "-c", "trap '' TERM; echo up; sleep 60"])
    children.start("last", ["sh", "-c", polite])
    wait_until(lambda: len(said) == 3, "all children", seconds=10)
    children.stop()
    assert stubborn.returncode == -signal.SIGKILL
    goodbyes = [line for line in said if line.endswith("bye")]
    assert goodbyes == ["last     | bye", "first    | bye"]


def test_a_command_that_fails_says_so() -> None:
    with pytest.raises(ChildEnded, match="migrate failed with exit code 3"):
        Children(os.environ).run("migrate", ["sh", "-c", "exit 3"])


def test_waiting_ends_at_once_when_the_child_does() -> None:
    children = Children(os.environ)
    children.start("broker", ["sh", "-c", "exit 4"])
    never: Callable[[], bool] = bool
    with pytest.raises(ChildEnded, match="broker ended by itself with exit code 4"):
        children.wait_until("broker", never, seconds=30)


def test_the_next_free_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.free_port(port) > port


def test_bootstrap_is_silent_and_quick_when_nothing_has_changed() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    stamp = root / ".venv" / ".grouport-dev"
    if not stamp.exists() or stamp.read_text() != (root / "requirements/dev.txt").read_text():
        pytest.skip("bin/bootstrap has not made this environment from these requirements")
    done = subprocess.run(
        [root / "bin" / "bootstrap", "dev"], capture_output=True, text=True, check=True, timeout=5
    )
    assert done.stdout + done.stderr == ""
