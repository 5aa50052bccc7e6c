"""Each bench works, says what it found, and leaves nothing behind."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.parts import FOLDER
from sandbox.children import BASE_DIR
from sandbox.stack import wait_until

SMALL = ("--rounds", "1", "--web-processes", "1")
BENCHES: dict[str, tuple[str, ...]] = {
    "pages": ("--seconds", "0.2", "--clients", "4", "--groups", "2"),
    "rush": ("--buyers", "20", "--seats", "5", "--groups", "2"),
    "enrol": ("--orders", "8", "--clients", "4", "--worker-processes", "1"),
    "links": ("--members", "10,60", "--worker-processes", "2"),
    "growth": ("--sizes", "0,80", "--samples", "3"),
    "season": ("--groups", "30", "--samples", "3"),
    "desk": ("--sizes", "0,80", "--samples", "2"),
}

pytestmark = [pytest.mark.soak, pytest.mark.stack, pytest.mark.timeout(180)]


@contextmanager
def running(name: str, *options: str) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", name, *SMALL, *options],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def measure(name: str, *options: str) -> dict[str, Any]:
    with running(name, *options) as process:
        output, progress = process.communicate()
        assert process.returncode == 0, progress
        assert folders_of(process.pid) == []
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def folders_of(pid: int) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{FOLDER}{pid}-*"))


@pytest.mark.parametrize("name", BENCHES)
def test_each_bench_prints_its_result_as_the_last_line(name: str) -> None:
    found = measure(name, *BENCHES[name])
    assert found["name"] == name
    assert found["unit"]
    assert found["ours"] > 0
    assert found["raw"] > 0
    assert found["ratio"] == pytest.approx(found["ours"] / found["raw"], rel=0.01)
    if name in COUNTS:
        COUNTS[name](found)


def every_mail_is_taken(found: dict[str, Any]) -> None:
    """By the mail server, of ours and of the script."""
    assert found["accepted"] == found["expected"] > 0


def queries_of_all_processes_are_counted(found: dict[str, Any]) -> None:
    queries = found["queries"]
    assert queries["queries_web"] > 0
    assert queries["queries_worker"] > 0
    assert queries["queries"] == queries["queries_web"] + queries["queries_worker"]


# What a bench tells besides its times.
COUNTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "links": every_mail_is_taken,
    "enrol": queries_of_all_processes_are_counted,
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("processes", [1, 12], ids=["starting", "measuring"])
def test_interrupting_leaves_no_process_and_no_folder(
    number: signal.Signals, processes: int
) -> None:
    with running("pages", "--seconds", "60") as process:
        wait_until(lambda: len(_children(process.pid)) >= processes, "parts", seconds=60)
        folders = folders_of(process.pid)
        started = _children(process.pid)
        process.send_signal(number)
        assert process.wait(timeout=60) == 130
    assert [one for one in started if one.is_running()] == []
    assert _processes_in(folders) == []
    assert folders_of(process.pid) == []


def _children(pid: int) -> list[psutil.Process]:
    return list(psutil.Process(pid).children(recursive=True))


def _processes_in(folders: list[Path]) -> list[psutil.Process]:
    """PostgreSQL is nobody's child, but names its folder."""
    names = [str(folder) for folder in folders]
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if any(name in word for word in one.info["cmdline"] or () for name in names)
    ]


@pytest.mark.parametrize("name", ["", *BENCHES])
def test_help_says_what_a_bench_does(name: str) -> None:
    words = [name, "--help"] if name else ["--help"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert len(done.stdout) > 300
