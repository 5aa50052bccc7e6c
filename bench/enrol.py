"""Whole enrolments through HTTP, until the confirmation mail is in the mail server's hands."""

import json
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from bench import claims, people
from bench.client import Answer, Connection, post
from bench.load import fan_out
from bench.parts import DATABASE, Parts
from bench.people import Member
from bench.rounds import Round, WrongResult, compare, take_turns
from bench.sink import SinkLog
from enrollment.models import Enrollment
from enrollment.states import Status

SEATS = 8
COUNTED = 4
PATIENCE_SECONDS = 180
OTHER_GROUPS = 12

Order = tuple[Member, str]


def run(parts: Parts, options: Namespace) -> dict[str, Any]:
    parts.fill()
    people.open_groups(OTHER_GROUPS, prefix="other")
    members = people.sign_in((options.rounds + 1) * options.orders)
    database = parts.postgres.connect(DATABASE)
    database.execute(claims.TABLES)
    database.execute("VACUUM ANALYZE")
    mail = parts.start_sink()
    size = {"workers": options.web_processes, "threads": options.web_threads}
    web = parts.start_web("bench.web", **size)
    bare = parts.start_web("bench.raw", **size)
    parts.start_standin(web)
    parts.start_workers(options.worker_processes)
    shop = Shop(parts, web, mail, browse=options.browse)
    queries = shop.count()
    spent: Counter[str] = Counter()

    def ours(number: int) -> Round:
        buyers = members[number * options.orders :][: options.orders]
        before = parts.cpu_seconds()
        found = shop.sell(buyers, clients=options.clients, prefix=f"enrol{number}")
        spent.update({name: used - before[name] for name, used in parts.cpu_seconds().items()})
        return found

    def raw(number: int) -> Round:
        groups = -(-options.orders // SEATS)
        clubs = range(number * 10_000, number * 10_000 + groups)
        claims.open_clubs(database, clubs, SEATS)
        requests = [claims.request(clubs[n // SEATS], n) for n in range(options.orders)]
        found = _claim(bare, requests, options.clients)
        claims.check_sold(database, clubs, options.orders)
        return found

    connected = parts.postgres.connections_ever(DATABASE)
    rounds = take_turns(options.rounds, ours, raw)
    database.close()
    orders = options.orders * (options.rounds + 1)
    return compare(
        "enrol",
        "enrolments/s",
        *rounds,
        queries=queries,
        new_connections_per_enrolment=round(
            (parts.postgres.connections_ever(DATABASE) - connected) / orders, 2
        ),
        cpu_ms_per_enrolment={name: round(s * 1000 / orders, 2) for name, s in spent.items()},
        mails_accepted=mail.total,
        worker_processes=options.worker_processes,
        clients=options.clients,
        orders=options.orders,
    )


class Shop:
    """The application as buyers meet it, with the stand-in and the mail server behind it."""

    def __init__(self, parts: Parts, web: int, mail: SinkLog, *, browse: bool) -> None:
        self._parts = parts
        self._web = web
        self._mail = mail
        self._browse = browse

    def count(self) -> dict[str, float]:
        """Queries of one enrolment in all processes, once they have warmed up."""
        buyers = people.sign_in(2 * COUNTED, prefix="counted")
        self.sell(buyers[:COUNTED], clients=1, prefix="practice")
        with self._parts.postgres.counting() as asked:
            # One by one: no process does two enrolments' work in one query.
            for number, buyer in enumerate(buyers[COUNTED:]):
                self.sell([buyer], clients=1, prefix=f"counted{number}")
            time.sleep(1)  # until the workers have noted what they sent
        return asked.each(COUNTED)

    def sell(self, buyers: Sequence[Member], *, clients: int, prefix: str) -> Round:
        """Sell a seat to each buyer; ends when the last confirmation mail was taken."""
        groups = people.open_groups(-(-len(buyers) // SEATS), prefix=prefix, capacity=SEATS)
        orders = [(buyer, groups[place // SEATS].slug) for place, buyer in enumerate(buyers)]
        self._mail.forget()
        found = fan_out(clients, lambda number, go: self._buy(orders[number::clients], go))
        pressed = {email: at for one in found for email, at in one}
        self._parts.wait_until(
            "confirmation mails", lambda: self._mail.count() >= len(orders), PATIENCE_SECONDS
        )
        taken = {one.recipient: one.at for one in self._mail.taken()}
        self._check(buyers, taken)
        people.archive(groups)
        rate = len(orders) / (max(taken.values()) - min(pressed.values()))
        return Round(rate, [taken[email] - at for email, at in pressed.items()])

    def _check(self, buyers: Sequence[Member], taken: dict[str, float]) -> None:
        members = [buyer.id for buyer in buyers]
        confirmed = Enrollment.objects.filter(
            member__in=members, status=Status.ACTIVE, payments__amount_cents__gt=0
        ).count()
        if confirmed != len(buyers) or taken.keys() != {buyer.email for buyer in buyers}:
            raise WrongResult(f"{confirmed} confirmed, {len(taken)} told, not {len(buyers)}.")

    def _buy(self, orders: Sequence[Order], go: Callable[[], None]) -> list[tuple[str, float]]:
        """One client's enrolments, one after another: who, and when they pressed "reserve"."""
        web, bank = Connection(self._web), Connection(self._parts.standin_port)
        go()
        pressed = []
        for buyer, slug in orders:
            pressed.append((buyer.email, time.time()))
            pay = _redirect(web.ask(buyer.reserve(slug)))
            if self._browse:
                _expect(web.ask(buyer.open(pay)), 200)
            page = urlsplit(_redirect(web.ask(buyer.press(pay))))
            body = json.dumps({"session": page.path.rpartition("/")[2]}).encode()
            paid = post("/_control/pay", body, kind="application/json", host=page.netloc)
            _expect(bank.ask(paid), 200)
            if self._browse:
                _expect(web.ask(buyer.open(f"{pay}return/")), 200)
        return pressed


def _expect(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise WrongResult(f"{answer.status}, not {status}: {answer.body[:200]!r}")
    return answer


def _redirect(answer: Answer) -> str:
    return _expect(answer, 302).header("location")


def _claim(port: int, requests: Sequence[bytes], clients: int) -> Round:
    """The same number of raw claims by the same number of clients."""

    def work(number: int, go: Callable[[], None]) -> tuple[float, list[float], float]:
        connection = Connection(port)
        go()
        each: list[float] = []
        started = now = time.perf_counter()
        for request in requests[number::clients]:
            claims.check_won(connection.ask(request))
            before, now = now, time.perf_counter()
            each.append(now - before)
        return started, each, now

    found = fan_out(clients, work)
    took = max(end for _, _, end in found) - min(start for start, _, _ in found)
    return Round(len(requests) / took, [seconds for _, each, _ in found for seconds in each])
