"""Many clients at once, each a process of its own, so that none waits for another's turn."""

import multiprocessing
import os
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection as Pipe
from typing import Any, TypeVar

from django.db import connections

from bench.client import Answer, Connection
from bench.parts import uninterrupted
from bench.rounds import WrongResult

Found = TypeVar("Found")
LONGEST_SECONDS = 15 * 60
_forking = multiprocessing.get_context("fork")


def fan_out(count: int, work: Callable[[int, Callable[[], None]], Found]) -> list[Found]:
    """Run `work(number, go)` in `count` processes; `go()` returns when all have got that far.

    Raises WrongResult with what went wrong in any of them.
    """
    connections.close_all()  # a child must not share this process's database connection
    gate = _forking.Barrier(count)
    pipes, children = [], []
    try:
        # What is raised while a process forks is printed and forgotten.
        with uninterrupted():
            for number in range(count):
                ours, theirs = _forking.Pipe(duplex=False)
                child = _forking.Process(
                    target=_run, args=(work, number, gate, theirs), daemon=True
                )
                children.append(child)
                child.start()
                theirs.close()
                pipes.append(ours)
        answers = [_receive(pipe) for pipe in pipes]
    finally:
        for child in children:
            if child.pid is not None:
                child.kill()  # whoever has answered has nothing left to do
                child.join()
    for answer in answers:
        if isinstance(answer, BaseException):
            raise WrongResult(str(answer)) from answer
    return answers


def _receive(pipe: "Pipe[Any, Any]") -> Any:
    try:
        return pipe.recv()
    except EOFError:
        return WrongResult("A client ended without an answer.")


def _run(work: Callable[..., Any], number: int, gate: Any, pipe: "Pipe[Any, Any]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.alarm(LONGEST_SECONDS)  # the end of a client whose parent was killed
    try:
        pipe.send(work(number, lambda: gate.wait(timeout=60)))
    except Exception as error:
        gate.abort()
        pipe.send(WrongResult(f"client {number}: {type(error).__name__}: {error}"))
    finally:
        pipe.close()
        os._exit(0)  # nothing of the parent's is ours to clean up


def closed_loop(
    *,
    port: int,
    request: Callable[[int, int], bytes],
    clients: int,
    seconds: float,
    check: Callable[[Answer], None],
) -> tuple[float, list[float]]:
    """Each client asks `request(client, turn)`, the next when it has the answer, for `seconds`.

    Returns answers in a second, and how long each took. `check` raises WrongResult.
    """

    def work(number: int, go: Callable[[], None]) -> tuple[float, list[float]]:
        connection = Connection(port)
        check(connection.ask(request(number, 0)))
        each: list[float] = []
        go()
        started = now = time.perf_counter()
        turn = 1
        while now - started < seconds:
            answer = connection.ask(request(number, turn))
            before, now = now, time.perf_counter()
            each.append(now - before)
            check(answer)
            turn += 1
        return now - started, each

    found = fan_out(clients, work)
    each: list[float] = []
    for _, one in found:
        each.extend(one)
    return sum(len(one) / took for took, one in found), each


def at_once(*, port: int, requests: Sequence[bytes]) -> list[tuple[float, Answer]]:
    """Send every request at the same moment, each over a new connection of its own.

    Returns, in the order of the requests, the answer and its seconds since that moment.
    """
    waiting = selectors.DefaultSelector()
    answers: dict[int, tuple[float, Answer]] = {}
    clients: list[Connection] = []
    started = time.perf_counter()
    try:
        for number, request in enumerate(requests):
            clients.append(client := Connection(port))
            client.socket.sendall(request)
            waiting.register(client.socket, selectors.EVENT_READ, number)
        while len(answers) < len(requests):
            ready = waiting.select(timeout=60)
            if not ready:
                raise WrongResult(f"Only {len(answers)} of {len(requests)} were answered.")
            for key, _ in ready:
                waiting.unregister(key.fileobj)
                client = clients[key.data]
                answer = client.read()
                answers[key.data] = (time.perf_counter() - started, answer)
                client.close()  # as a proxy does that opens a connection for each request
    finally:
        waiting.close()
        for client in clients:
            client.close()
    return [answers[number] for number in range(len(requests))]
