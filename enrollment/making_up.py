"""A chair in another group's same week, for whoever cannot come to their own session.

Whoever takes one locks the visited group, then their own enrolment, then the chair: so a group
that is being changed, a member who is leaving and a buyer of the same chair are each waited for
or passed over, and never crossed.
"""

import datetime as dt

from django.db import connection, transaction
from django.db.models import QuerySet

from enrollment import links, waitlist
from enrollment.absences import NotPossible, Week, expect_again, say_absent, visit_instead_of
from enrollment.models import Absence, Enrollment, Seat, Visit
from enrollment.offers import offers, parallel
from enrollment.seats import empty_chairs
from enrollment.states import IN_STANDING
from outbox import services as outbox
from sessions.models import Cohort, GroupSession


class ChairGone(NotPossible):
    """Somebody else has the last chair of that session, or it is not offered any more."""

    def __init__(self) -> None:
        super().__init__(
            "That chair is not free any more. Here is what is free now; your own session stays "
            "yours."
        )


@transaction.atomic
def take_chair(*, week: Week, session_id: int, now: dt.datetime) -> Visit:
    """Give the member a chair in that session, and their word that they miss their own.

    Promises the mail with the door. Raises ChairGone when no chair is left there or it is not
    offered to them, and NotPossible when they have one for this week already, or may not.
    """
    host = next((one for one in offers(week=week, now=now) if one.pk == session_id), None)
    if host is None:
        raise ChairGone
    # Waits for whoever changes that group, and reads the session again behind them.
    Cohort.objects.select_for_update(no_key=True).get(pk=host.cohort_id)
    _hold_standing(week.enrollment)
    if visit_instead_of(enrollment=week.enrollment, session=week.session):
        raise NotPossible("You have a chair for this week already. Give it back first.")
    fresh = parallel(week, now).filter(pk=session_id).first()
    seat = _find_chair(fresh) if fresh else None
    if fresh is None or seat is None:
        raise ChairGone
    visit = Visit.objects.create(
        enrollment=week.enrollment,
        instead_of=week.session,
        session=fresh,
        seat=seat,
        taken_at=now,
    )
    if week.is_ahead(now):
        say_absent(week=week, about=week.session.starts_at, now=now)
    outbox.promise(
        kind=links.VISIT_CONFIRMED,
        recipient_id=week.enrollment.member_id,
        subject_id=visit.pk,
        now=now,
    )
    return visit


def _hold_standing(enrollment: Enrollment) -> None:
    standing = Enrollment.objects.select_for_update().filter(
        pk=enrollment.pk, status__in=IN_STANDING
    )
    if not standing.exists():
        raise NotPossible("Your seat is not active right now, so no chair can be kept for you.")


def _find_chair(session: GroupSession) -> Seat | None:
    """A chair that is empty in this session and that nobody is buying at this moment."""
    chairs = empty_chairs(session=session)
    if connection.features.has_select_for_update_skip_locked:
        chairs = chairs.select_for_update(skip_locked=True, of=("self",))
    return chairs.first()


@transaction.atomic
def give_back(*, week: Week, now: dt.datetime) -> bool:
    """Free the chair elsewhere; False when there was none, or that session has begun.

    Whoever had only said by taking it that they miss their own session is expected there again.
    """
    visit = visit_instead_of(enrollment=week.enrollment, session=week.session)
    if visit is None:
        return False
    live = Visit.objects.filter(pk=visit.pk, given_back_at=None, session__starts_at__gt=now)
    if not live.update(given_back_at=now):
        return False
    if said_with(visit).exists():
        expect_again(enrollment=week.enrollment, session=week.session)
    waitlist.pass_on(cohort_id=visit.session.cohort_id, now=now)
    return True


def said_with(visit: Visit) -> "QuerySet[Absence]":
    """The absence that came with taking the chair, and was not said before."""
    return Absence.objects.filter(
        enrollment=visit.enrollment_id, session=visit.instead_of_id, said_at=visit.taken_at
    )


@transaction.atomic
def come_after_all(*, week: Week, now: dt.datetime) -> None:
    """Forget that the member cannot come, and give back the chair elsewhere."""
    give_back(week=week, now=now)
    expect_again(enrollment=week.enrollment, session=week.session)
