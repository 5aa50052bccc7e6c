"""The season's page with many groups, beside one group's page and a bare view."""

import datetime as dt
import time
from argparse import Namespace
from collections.abc import Callable
from statistics import median
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import Role, User
from bench import bulk, people
from bench.claims import TABLES
from bench.client import Answer, Connection
from bench.pages import COUNTED, ONE, is_a_row
from bench.parts import DATABASE, Parts
from bench.people import Member
from bench.rounds import Round, WrongResult, compare, take_turns

LEADERS = 20
SLUG = "season-1"
PAGES = {
    "season": "/plan/",
    "season_by_state": "/plan/?state=published",
    "group": f"/plan/{SLUG}/",
    "roster": f"/lead/{SLUG}/",
}


def run(parts: Parts, options: Namespace) -> dict[str, Any]:
    parts.fill()
    admin = _plan(parts, options.groups)
    size = {"workers": 1, "threads": options.web_threads}
    web = parts.start_web("bench.web", **size)
    raw = parts.start_web("bench.raw", **size)
    asked = {name: admin.open(path) for name, path in PAGES.items()}
    queries = {name: _count(parts, web, asked[name]) for name in PAGES}
    cpu: dict[str, list[float]] = {name: [] for name in PAGES}

    def ours(number: int) -> Round:
        found = {}
        # In turns swapped each time, for what else the machine does meanwhile.
        for name in PAGES if number % 2 else reversed(PAGES):
            before = _cpu(parts)
            found[name] = _ask(web, asked[name], options.samples, _is_a_page)
            if number:  # the first round is practice
                cpu[name].append((_cpu(parts) - before) * 1000 / options.samples)
        return found["season"]

    rounds = take_turns(
        options.rounds, ours, lambda number: _ask(raw, ONE, options.samples, is_a_row)
    )
    return compare(
        "season",
        "requests/s, one after another",
        *rounds,
        groups=options.groups,
        queries=queries,
        cpu_ms_per_request={name: round(median(each), 2) for name, each in cpu.items()},
        season_over_group=_share(cpu["season"], cpu["group"]),
        season_by_state_over_group=_share(cpu["season_by_state"], cpu["group"]),
        season_over_roster=_share(cpu["season"], cpu["roster"]),
    )


def _plan(parts: Parts, groups: int) -> Member:
    """So many full groups that are about to begin, led by twenty people; and an admin."""
    now = timezone.now()
    model = bulk.write_model(now=now)
    first = (now + dt.timedelta(days=20)).isoformat()
    crowd = bulk.Crowd(
        prefix="season",
        members=groups * bulk.SEATS,
        first=f"'{first}'::timestamptz + (n %% 50) * interval '1 day'",
        model=model,
    )
    leaders = people.sign_in(LEADERS, prefix="leads")
    (admin,) = people.sign_in(1, prefix="admin")
    User.objects.filter(pk=admin.id).update(role=Role.ADMIN)
    User.objects.filter(pk__in=[one.id for one in leaders]).update(role=Role.FACILITATOR)
    connection.close()
    with parts.postgres.connect(DATABASE) as database:
        crowd.write(database)
        database.execute(
            "INSERT INTO group_sessions_cohort_facilitators (cohort_id, user_id) "
            "SELECT id, %s + id %% %s FROM group_sessions_cohort WHERE slug LIKE 'season-%%'",
            [min(one.id for one in leaders), LEADERS],
        )
        database.execute(TABLES)
        database.execute("VACUUM ANALYZE")
    return admin


def _ask(port: int, request: bytes, times: int, check: Callable[[Answer], None]) -> Round:
    """The same request so many times, one after another."""
    client = Connection(port)
    each = []
    for _ in range(times):
        started = time.perf_counter()
        answer = client.ask(request)
        each.append(time.perf_counter() - started)
        check(answer)
    client.close()
    return Round(times / sum(each), each)


def _cpu(parts: Parts) -> float:
    """Seconds of the web process and of PostgreSQL."""
    used = parts.cpu_seconds()
    return used["web"] + used["postgres"]


def _share(ours: list[float], other: list[float]) -> float:
    """The median of each round's own ratio."""
    return round(median(a / b for a, b in zip(ours, other, strict=True)), 3)


def _count(parts: Parts, port: int, request: bytes) -> dict[str, float]:
    _ask(port, request, COUNTED, _is_a_page)
    with parts.postgres.counting() as asked:
        _ask(port, request, COUNTED, _is_a_page)
    return asked.each(COUNTED)


def _is_a_page(answer: Answer) -> None:
    if answer.status != 200 or b"Group model 0" not in answer.body:
        raise WrongResult(f"Not the page: {answer.status} {answer.header('location')}")
