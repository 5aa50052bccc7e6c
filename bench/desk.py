"""The money desk and the ticks of money after no, many and very many enrolments.

Each size has a database and a server of its own; a bare view is asked in the same rounds.
"""

import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from accounts.models import Role, User
from accounts.session_store import SessionStore
from bench import bulk, money, people
from bench.claims import TABLES
from bench.client import Connection
from bench.databases import using
from bench.pages import ONE, is_a_row
from bench.parts import DATABASE, Parts
from bench.people import Member
from bench.rounds import Round, WrongResult, compare, say, take_turns
from billing import charging, part_reminders, plans, reconciliation, run_work, sweeps
from billing.papers import issuing
from enrollment import group_messages, links, waitlist
from enrollment.models import Enrollment

OPEN_GROUPS = 12
HOUR = 3600
NOBODY = 0
TICKS_EACH = 4  # a tick takes little time, so there are more of them
Figures = dict[str, list[float]]

# By name: what is asked for, and what the answer holds.
PAGES = {
    "queue": ("", b"Money"),
    "search_all": ("search/", b"Group model 0"),
    "search_mail": ("search/?q=model-0%40example.org", b"Group model 0"),
    "search_part_of_a_name": ("search/?q=Sam", b"Group model 0"),
    "search_amount": ("search/?q=299", b"Group model 0"),
    "search_stripe_id": ("search/?q=pi_model", b"Group model 0"),
    "search_group": ("search/?cohort=model-0", b"Group model 0"),
    "search_balance": ("search/?balance=1", b"Group model 0"),
    "story": ("enrolments/{enrollment}/", b"Group model 0"),
    "rehearsal": ("enrolments/{enrollment}/refund/?basis=policy&seat=keep", b"Group model 0"),
    "numbers_month": ("numbers/?range=month", b"Money by month"),
    "numbers_year": ("numbers/?range=year", b"Money by month"),
    "numbers_all": ("numbers/?range=all", b"Money by month"),
    "ledger": ("ledger/", b"What is in it"),
    "codes": ("codes/", b"CODE1"),
    "disputes": ("disputes/", b"dp_model"),
    "reconciliation": ("reconciliation/", b"Reconciliation"),
}
FILE = "ledger.csv"
# Once a minute each, nearly always for nothing; reconciling asks Stripe, so its own queries only.
TICKS: dict[str, Callable[[], int]] = {
    "promise_links": lambda: links.promise_links(now=timezone.now()),
    "promise_messages": lambda: group_messages.promise_due_messages(now=timezone.now()),
    "tend_waitlists": lambda: waitlist.tend(now=timezone.now()),
    "release_overdue_holds": lambda: sweeps.release_overdue_holds(now=timezone.now()),
    "apply_stored_events": lambda: sweeps.apply_stored_events(now=timezone.now()),
    "charge_due_instalments": lambda: charging.charge_due(now=timezone.now()),
    "watch_overdue": lambda: plans.watch_overdue(now=timezone.now()),
    "promise_reminders": lambda: part_reminders.promise_reminders(now=timezone.now()),
    "submit_open_refunds": lambda: sweeps.submit_open_refunds(now=timezone.now()),
    "carry_on_runs": lambda: run_work.carry_on(clock=timezone.now),
    "issue_estimates": lambda: issuing.issue_estimates(now=timezone.now()),
    "settle_open_charges": lambda: charging.settle_open(now=timezone.now()),
    "go_on_comparing_books": lambda: reconciliation.go_on(clock=timezone.now),
}


def run(parts: Parts, options: Namespace) -> dict[str, Any]:
    parts.fill()
    people.open_groups(OPEN_GROUPS)
    model = bulk.write_model(now=timezone.now())
    money.write_model(model=model, now=timezone.now())
    admin = sign_in_with_factor()
    connection.close()
    with parts.postgres.connect(DATABASE) as database:
        database.execute(TABLES)
    desks = [Desk(parts, size, model, admin) for size in options.sizes]
    raw_port = parts.start_web("bench.raw", workers=1, threads=8)
    found: dict[int, Figures] = {desk.size: defaultdict(list) for desk in desks}

    def ours(number: int) -> Round:
        queue: list[float] = []
        for desk in desks if number % 2 else reversed(desks):
            figures = desk.measure(options.samples)
            queue = figures["queue"] if desk is desks[-1] else queue
            if number:  # the first round is practice
                for name, each in figures.items():
                    # The quickest: what else the machine does only adds to it.
                    found[desk.size][name].append(min(each) * 1000)
        return Round(len(queue) / sum(queue), queue)

    def raw(number: int) -> Round:
        client = Connection(raw_port)
        each = []
        for _ in range(options.samples):
            started = time.perf_counter()
            answer = client.ask(ONE)
            each.append(time.perf_counter() - started)
            is_a_row(answer)
        client.close()
        return Round(len(each) / sum(each), each)

    rounds = take_turns(options.rounds, ours, raw)
    unit = "requests/s, the queue after most enrolments, one after another"
    return compare("desk", unit, *rounds, **grown(found, options.sizes))


def sign_in_with_factor() -> Member:
    """Somebody who handles money and has just typed in the code from their app."""
    (admin,) = people.sign_in(1, prefix="desk")
    User.objects.filter(pk=admin.id).update(role=Role.BILLING)
    factor = Authenticator.objects.create(
        user_id=admin.id, type=Authenticator.Type.TOTP, data={"secret": "unread"}
    )
    row = Session.objects.get(session_key=admin.session)
    # Loading many rows takes longer than a proof is good for.
    shown = {"method": "mfa", "at": time.time() + HOUR, "id": factor.pk, "type": "totp"}
    kept = {
        **row.get_decoded(),
        "account_authentication_methods": [shown],
        "account_authentication_methods_user": str(admin.id),
    }
    row.session_data = SessionStore().encode(kept)
    row.save()
    return admin


class Desk:
    """One size: its database and its server."""

    def __init__(self, parts: Parts, size: int, model: Enrollment, admin: Member) -> None:
        self.size = size
        self._database, self._admin = f"desk_{size}", admin
        self._enrollment = model.public_id
        now = timezone.now()
        parts.postgres.create(self._database, template=DATABASE)
        past = bulk.Crowd(
            prefix="past",
            members=size,
            first=bulk.long_ago(now=now),
            model=model,
            changes=money.changes(now),
            also=money.copy,
        )
        started = time.monotonic()
        with parts.postgres.connect(self._database) as database:
            past.write(database, lived_through=True)
            database.execute("VACUUM ANALYZE")
            database.execute("CHECKPOINT")
        say(f"{size} past enrolments: loaded in {time.monotonic() - started:.0f} s")
        url = parts.postgres.url(self._database)
        self._port = parts.start_web(
            "bench.web", workers=1, threads=8, name=f"web-{size}", DATABASE_URL=url
        )

    def measure(self, samples: int) -> Figures:
        """Seconds of each page, of the file's first bytes, and of each tick with nothing due."""
        client = Connection(self._port)
        figures = {
            name: [self._page(client, *page) for _ in range(samples)]
            for name, page in PAGES.items()
        }
        client.close()
        figures["file"] = [self._first_bytes() for _ in range(samples)]
        with using(self._database):
            for name, tick in TICKS.items():
                tick()  # connects, and settles what the model row left behind
                figures[f"tick_{name}"] = [
                    _nothing_due(name, tick) for _ in range(TICKS_EACH * samples)
                ]
        return figures

    def _page(self, client: Connection, path: str, words: bytes) -> float:
        asked = self._admin.open("/money/" + path.format(enrollment=self._enrollment))
        started = time.perf_counter()
        answer = client.ask(asked)
        took = time.perf_counter() - started
        if answer.status != 200 or words not in answer.body:
            raise WrongResult(f"Not {path}: {answer.status} {answer.header('location')}")
        return took

    def _first_bytes(self) -> float:
        """Until the file's head is there; the rest is not waited for."""
        client = Connection(self._port)
        started = time.perf_counter()
        client.socket.sendall(self._admin.open(f"/money/{FILE}"))
        received = b""
        while b"time (UTC)" not in received:
            if not (more := client.socket.recv(65536)):
                raise WrongResult(f"No {FILE}: {received[:200]!r}")
            received += more
        took = time.perf_counter() - started
        client.close()
        return took


def _nothing_due(name: str, tick: Callable[[], int]) -> float:
    started = time.perf_counter()
    done = tick()
    took = time.perf_counter() - started
    if done != NOBODY:
        raise WrongResult(f"{name} found {done} to do.")
    return took


def grown(found: dict[int, Figures], sizes: list[int]) -> dict[str, Any]:
    """Milliseconds at each size, and what share that is of those when empty."""
    first = found[sizes[0]]
    ratios = {
        size: {
            name: round(median(a / b for a, b in zip(each, first[name], strict=True)), 3)
            for name, each in figures.items()
        }
        for size, figures in found.items()
    }
    last = ratios[sizes[-1]]
    ticks = {name: share for name, share in last.items() if name.startswith("tick_")}
    return {
        "worst_tick": max(ticks.values()),
        "worst_page": max(share for name, share in last.items() if name not in ticks),
        "ms": {
            str(size): {name: round(median(each), 2) for name, each in figures.items()}
            for size, figures in found.items()
        },
        "ratios": {str(size): shares for size, shares in ratios.items()},
    }
