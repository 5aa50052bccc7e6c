"""Many buyers for few seats, in the same moment."""

import re
from argparse import Namespace
from statistics import median
from typing import Any

from django.db import connection

from bench import claims, people
from bench.client import Answer, Connection
from bench.load import at_once
from bench.parts import DATABASE, Parts
from bench.rounds import Round, WrongResult, compare, milliseconds, take_turns
from enrollment.models import Enrollment, Seat

_OTHER_GROUP = re.compile(rb'href="/groups/other-\d+/"')


def run(parts: Parts, options: Namespace) -> dict[str, Any]:
    parts.fill()
    people.open_groups(options.groups, prefix="other")
    members = people.sign_in(options.buyers * (options.rounds + 1))
    database = parts.postgres.connect(DATABASE)
    database.execute(claims.TABLES)
    database.execute("VACUUM ANALYZE")
    size = {"workers": options.web_processes, "threads": options.web_threads}
    web = parts.start_web("bench.web", **size)
    bare = parts.start_web("bench.raw", **size)
    winners: list[Round] = []

    def ours(number: int) -> Round:
        slug = f"rush{number}-0"
        group = people.open_groups(1, prefix=f"rush{number}", capacity=options.seats)
        buyers = members[number * options.buyers :][: options.buyers]
        requests = [buyer.reserve(slug) for buyer in buyers]
        found = at_once(port=web, requests=requests)
        won = [seconds for seconds, answer in found if _has_a_seat(answer)]
        _check(group[0].pk, len(won), min(options.seats, options.buyers))
        people.archive(group)
        if number:
            winners.append(Round(len(won) / max(won), won))
        return _round(found)

    def raw(number: int) -> Round:
        claims.open_clubs(database, range(number, number + 1), options.seats)
        requests = [claims.request(number, buyer) for buyer in range(options.buyers)]
        found = at_once(port=bare, requests=requests)
        sold = min(options.seats, options.buyers)
        claims.check_sold(database, range(number, number + 1), sold)
        return _round(found)

    queries = _count(parts, web)
    rounds = take_turns(options.rounds, ours, raw)
    database.close()
    return compare(
        "rush",
        "decisions/s",
        *rounds,
        seats_won_per_second=round(median(one.rate for one in winners), 2),
        winners_ms=milliseconds(winners),
        queries=queries,
        buyers=options.buyers,
        seats=options.seats,
        told_in_the_same_response=True,  # checked with each answer
    )


def _round(found: list[tuple[float, Answer]]) -> Round:
    each = [seconds for seconds, _ in found]
    return Round(len(each) / max(each), each)


def _has_a_seat(answer: Answer) -> bool:
    """Whether the answer leads to the payment. A loser is told so, and shown other groups."""
    if answer.status == 302 and answer.header("location").startswith("/pay/"):
        return True
    if answer.status == 409 and _OTHER_GROUP.search(answer.body):
        return False
    raise WrongResult(f"Neither won nor lost: {answer.status} {answer.header('location')}")


def _check(cohort_id: int, won: int, seats: int) -> None:
    taken = Seat.objects.filter(cohort=cohort_id, enrollment__isnull=False).count()
    enrolled = Enrollment.objects.filter(cohort=cohort_id).count()
    if not won == taken == enrolled == seats:
        raise WrongResult(f"{won} told, {taken} seats, {enrolled} enrolments: not {seats}.")


def _count(parts: Parts, web: int) -> dict[str, dict[str, float]]:
    """Queries of one winner and of one loser, once the server has warmed up."""
    people.open_groups(1, prefix="counted", capacity=2)
    members = people.sign_in(4, prefix="counted")
    connection.close()
    client = Connection(web)
    asked = []
    for turn, member in enumerate(members):
        with parts.postgres.counting() as count:
            if _has_a_seat(client.ask(member.reserve("counted-0"))) != (turn < 2):
                raise WrongResult("The first two have the seats.")
        asked.append(count.each(1))
    client.close()
    return {"winner": asked[1], "loser": asked[3]}
