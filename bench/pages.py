"""The public list and a group's page, beside a bare view with one query."""

from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

from bench import people
from bench.claims import TABLES
from bench.client import Answer, Connection, get
from bench.load import closed_loop
from bench.parts import DATABASE, Parts
from bench.rounds import Round, WrongResult, compare, milliseconds, take_turns

COUNTED = 5
WARM_UP = 2
ONE = get("/one/")
Check = Callable[[Answer], None]


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
    pages = [get(path) for path in paths.values()]
    queries = {name: _count(parts, web, path) for name, path in paths.items()}
    cpu: Counter[str] = Counter()
    answered = 0
    anew: list[Round] = []

    def load(port: int, request: Callable[[int, int], bytes], check: Check) -> Round:
        found = closed_loop(
            port=port,
            request=request,
            clients=options.clients,
            seconds=options.seconds,
            check=check,
        )
        return Round(*found)

    def ours(number: int) -> Round:
        nonlocal answered
        before = parts.cpu_seconds()
        found = load(web, lambda client, turn: pages[(client + turn) % 2], _is_a_page)
        cpu.update({name: used - before[name] for name, used in parts.cpu_seconds().items()})
        answered += len(found.seconds_each)
        # Addresses that nobody has asked for yet: what a page costs that is not shared.
        paths_of = list(paths.values())
        strange = f"?{number}-%d-%d"
        made = load(
            web,
            lambda client, turn: get(paths_of[(client + turn) % 2] + strange % (client, turn)),
            _is_a_page,
        )
        if number:
            anew.append(made)
        return found

    rounds = take_turns(
        options.rounds, ours, lambda number: load(raw, lambda client, turn: ONE, is_a_row)
    )
    return compare(
        "pages",
        "requests/s",
        *rounds,
        made_anew_per_second=round(median(one.rate for one in anew), 2),
        made_anew_ms=milliseconds(anew),
        queries_made_anew=queries,
        page_bytes={name: len(Connection(web).ask(get(p)).body) for name, p in paths.items()},
        cpu_ms_per_request={n: round(s * 1000 / answered, 3) for n, s in cpu.items()},
        clients=options.clients,
    )


def _count(parts: Parts, port: int, path: str) -> dict[str, float]:
    """Queries of one page that is made anew, once the server has warmed up."""
    connection = Connection(port)
    for turn in range(WARM_UP):
        _is_a_page(connection.ask(get(f"{path}?warm-{turn}")))
    with parts.postgres.counting() as asked:
        for turn in range(COUNTED):
            _is_a_page(connection.ask(get(f"{path}?counted-{turn}")))
    connection.close()
    return asked.each(COUNTED)


def _is_a_page(answer: Answer) -> None:
    if answer.status != 200 or b"/groups/group-0/" not in answer.body:
        raise WrongResult(f"Not the page: {answer.status} {answer.header('location')}")


def is_a_row(answer: Answer) -> None:
    if answer.status != 200 or answer.body != b"row 7":
        raise WrongResult(f"Not the row: {answer.status}")
