"""The same work after no, many and very many past enrolments, each in a database of its own."""

import json
import time
from argparse import Namespace
from collections import defaultdict
from statistics import median
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from bench import bulk, people
from bench.client import Answer, Connection, get, post
from bench.databases import using
from bench.parts import DATABASE, WEBHOOK_SECRET, Parts
from bench.people import Member
from bench.rounds import WrongResult, say
from enrollment import links
from enrollment.models import Enrollment
from outbox.models import Message
from sandbox.stripe_standin.signature import sign

OPEN_GROUPS = 12
DUE_MEMBERS = 200
HOURS_BEFORE = 20
TICKS = 5

Figures = dict[str, list[float]]


def run(parts: Parts, options: Namespace) -> dict[str, Any]:
    parts.fill()
    now = timezone.now()
    people.open_groups(OPEN_GROUPS)
    needed = options.samples * (options.rounds + 1)
    people.open_groups(1, prefix="big", capacity=needed)
    members = people.sign_in(needed)
    model = bulk.write_model(now=now)
    due = bulk.due_in(now=now, hours=HOURS_BEFORE)
    with parts.postgres.connect(DATABASE) as database:
        bulk.Crowd(prefix="due", members=DUE_MEMBERS, first=due, model=model).write(database)
    connection.close()
    grown = [Grown(parts, size, model) for size in options.sizes]
    found: dict[int, Figures] = {one.size: defaultdict(list) for one in grown}
    for number in range(options.rounds + 1):
        buyers = members[number * options.samples :][: options.samples]
        for one in grown if number % 2 else reversed(grown):
            figures = one.measure(buyers, number)
            for name, values in figures.items():
                if number:  # the first round is practice
                    found[one.size][name].append(median(values) * 1000)
        say(f"round {number} of {options.rounds}")
    return _compare(found, options.sizes)


class Grown:
    """One size: its database and its server."""

    def __init__(self, parts: Parts, size: int, model: Enrollment) -> None:
        self.size = size
        self._database = f"grown_{size}"
        first = bulk.long_ago(now=timezone.now())
        parts.postgres.create(self._database, template=DATABASE)
        past = bulk.Crowd(prefix="past", members=size, first=first, model=model)
        started = time.monotonic()
        with parts.postgres.connect(self._database) as database:
            past.write(database, lived_through=True)
            database.execute("VACUUM ANALYZE")
            database.execute("CHECKPOINT")
        say(f"{size} past enrolments: loaded in {time.monotonic() - started:.0f} s")
        url = parts.postgres.url(self._database)
        name = f"web-{size}"
        self._port = parts.start_web("bench.web", workers=1, threads=8, name=name, DATABASE_URL=url)
        with using(self._database):
            self._promised = links.promise_links(now=timezone.now())
        if self._promised != DUE_MEMBERS:
            raise WrongResult(f"{self._promised} links are due, not {DUE_MEMBERS}.")

    def measure(self, buyers: list[Member], number: int) -> Figures:
        """Seconds of each piece of work."""
        client = Connection(self._port)
        figures = {
            # An address of its own for each: else the page of a moment ago is the answer.
            "list": [_timed(client, get(f"/?{number}-{one.id}"), 200) for one in buyers],
            "group": [
                _timed(client, get(f"/groups/group-0/?{number}-{one.id}"), 200) for one in buyers
            ],
            "reserve": [_timed(client, buyer.reserve("big-0"), 302) for buyer in buyers],
            "webhook": [
                _timed(client, _event(f"{number}_{turn}"), 200) for turn in range(len(buyers))
            ],
        }
        client.close()
        with using(self._database):
            figures["tick_200_due"] = [self._tick(due=DUE_MEMBERS) for _ in range(TICKS)]
            figures["tick_none_due"] = [self._tick(due=0) for _ in range(TICKS)]
        return figures

    def _tick(self, *, due: int) -> float:
        """One look at the clock, taken back afterwards."""
        with transaction.atomic():
            if due:
                Message.objects.filter(kind=links.SESSION_LINK, state="queued").delete()
            started = time.perf_counter()
            promised = links.promise_links(now=timezone.now())
            took = time.perf_counter() - started
            transaction.set_rollback(True)
        if promised != due:
            raise WrongResult(f"{promised} promised, not {due}.")
        return took


def _timed(client: Connection, request: bytes, status: int) -> float:
    started = time.perf_counter()
    answer: Answer = client.ask(request)
    took = time.perf_counter() - started
    if answer.status != status:
        raise WrongResult(f"{answer.status}, not {status}: {answer.header('location')}")
    return took


def _event(name: str) -> bytes:
    """A signed event that is stored, and changes nothing else."""
    now = int(time.time())
    payload = json.dumps(
        {
            "id": f"evt_growth_{name}",
            "object": "event",
            "type": "checkout.session.completed",
            "created": now,
            "livemode": False,
            # Nobody's: the worker would note that, and change nothing.
            "data": {"object": {"id": f"cs_growth_{name}", "object": "checkout.session"}},
        }
    )
    headers = {"Stripe-Signature": sign(payload, WEBHOOK_SECRET, now)}
    return post("/webhooks/stripe/", payload.encode(), kind="application/json", headers=headers)


def _compare(found: dict[int, Figures], sizes: list[int]) -> dict[str, Any]:
    middle = {
        size: {name: median(values) for name, values in figures.items()}
        for size, figures in found.items()
    }
    # Each round's own ratio: what else the machine did then happened to both.
    ratios = {
        size: {
            name: median(a / b for a, b in zip(values, found[sizes[0]][name], strict=True))
            for name, values in figures.items()
        }
        for size, figures in found.items()
    }
    worst = round(max(ratios[sizes[-1]].values()), 3)
    return {
        "name": "growth",
        "unit": "time at the largest size / time when empty, of the slowest figure",
        "ours": worst,
        "raw": 1,
        "ratio": worst,
        "ms": _rounded(middle),
        "ratios": _rounded(ratios),
    }


def _rounded(table: dict[int, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {
        str(size): {name: round(value, 3) for name, value in figures.items()}
        for size, figures in table.items()
    }
