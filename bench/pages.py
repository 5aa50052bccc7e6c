"""The public list and a group's page, beside a bare view with one query."""

from argparse import Namespace
from typing import Any

from bench import people
from bench.claims import TABLES
from bench.client import Answer, Connection, get
from bench.load import closed_loop
from bench.parts import DATABASE, Parts
from bench.rounds import Round, WrongResult, compare, take_turns

COUNTED = 5
WARM_UP = 2


def run(parts: Parts, options: Namespace) -> dict[str, Any]:
    parts.fill()
    groups = people.open_groups(options.groups)
    with parts.postgres.connect(DATABASE) as database:
        database.execute(TABLES)
        database.execute("VACUUM ANALYZE")
    size = {"workers": options.web_processes, "threads": options.web_threads}
    web = parts.start_web("bench.web", **size)
    raw = parts.start_web("bench.raw", **size)
    paths = {"list": "/", "group": groups[0].get_absolute_url()}
    queries = {name: _count(parts, web, path) for name, path in paths.items()}
    cpu: dict[str, float] = {}
    answered = 0

    def ours(number: int) -> Round:
        nonlocal answered
        before = parts.cpu_seconds()
        rate, each = closed_loop(
            port=web,
            requests=[get(path) for path in paths.values()],
            clients=options.clients,
            seconds=options.seconds,
            check=_is_a_page,
        )
        for name, used in parts.cpu_seconds().items():
            cpu[name] = cpu.get(name, 0.0) + used - before[name]
        answered += len(each)
        return Round(rate, each)

    def bare(number: int) -> Round:
        rate, each = closed_loop(
            port=raw,
            requests=[get("/one/")],
            clients=options.clients,
            seconds=options.seconds,
            check=_is_a_row,
        )
        return Round(rate, each)

    rounds = take_turns(options.rounds, ours, bare)
    return compare(
        "pages",
        "requests/s",
        *rounds,
        queries=queries,
        page_bytes={name: len(Connection(web).ask(get(p)).body) for name, p in paths.items()},
        cpu_ms_per_request={n: round(s * 1000 / answered, 3) for n, s in cpu.items()},
        clients=options.clients,
    )


def _count(parts: Parts, port: int, path: str) -> dict[str, float]:
    """Queries of one request, once the server has warmed up."""
    connection = Connection(port)
    for _ in range(WARM_UP):
        _is_a_page(connection.ask(get(path)))
    with parts.postgres.counting() as asked:
        for _ in range(COUNTED):
            _is_a_page(connection.ask(get(path)))
    connection.close()
    return asked.each(COUNTED)


def _is_a_page(answer: Answer) -> None:
    if answer.status != 200 or b"/groups/group-0/" not in answer.body:
        raise WrongResult(f"Not the page: {answer.status} {answer.header('location')}")


def _is_a_row(answer: Answer) -> None:
    if answer.status != 200 or answer.body != b"row 7":
        raise WrongResult(f"Not the row: {answer.status}")
