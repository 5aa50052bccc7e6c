"""What must hold of the waitlist: its order, its offers, and no seat past those who wait."""

import datetime as dt

from enrollment import waitlist
from enrollment.models import Enrollment, Seat
from enrollment.states import Status
from sessions.models import Cohort
from tests.billing.money.sight import Sight


def law_offers_follow_the_line(sight: Sight) -> None:
    """History told again: each offer that no person made went to whoever waited the longest."""
    rows = {one.pk: one for one in sight.enrollments}
    line: list[Enrollment] = []
    for move in sorted((m for moves in sight.moves.values() for m in moves), key=lambda m: m.pk):
        one = rows[move.enrollment_id]
        here = [other for other in line if other.cohort_id == one.cohort_id]
        if move.source == Status.WAITLISTED:
            if move.target == Status.OFFERED and move.actor_id is None:
                first = min(here, key=lambda other: (other.waiting_since, other.pk))
                assert first.pk == one.pk, "somebody waited longer"
            line.remove(one)
        if move.target == Status.WAITLISTED:
            line.append(one)


def law_an_offer_is_answered_in_its_time(sight: Sight) -> None:
    """At most the hours that the programme grants, and never past the session they would join."""
    for one in sight.enrollments:
        offers = [move for move in sight.moves[one.pk] if move.target == Status.OFFERED]
        assert len(offers) <= 1
        if one.status == Status.OFFERED:
            assert one.held_until is not None
            assert one.held_until - offers[0].at >= waitlist.SHORTEST_OFFER
            assert one.held_until - offers[0].at <= dt.timedelta(hours=24)


LAWS = (law_offers_follow_the_line, law_an_offer_is_answered_in_its_time)


def no_seat_is_free_while_somebody_waits(cohort: Cohort, now: dt.datetime) -> None:
    """Where an offer could be made at all."""
    if waitlist.waiting(cohort.pk).exists() and waitlist.terms(cohort=cohort, now=now):
        assert not Seat.objects.filter(cohort=cohort, enrollment=None).exists()


def no_offer_is_overdue(now: dt.datetime) -> None:
    assert not Enrollment.objects.filter(status=Status.OFFERED, held_until__lte=now).exists()
