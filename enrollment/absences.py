"""One of a member's own weeks: whether they came, or said that they cannot. No reason is asked.

What was said is about the time that the session had then: when it moves, it no longer counts, and
whoever said it is expected again, unless they have a chair in another group for that week.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from enrollment import links
from enrollment.attendance import LATEST
from enrollment.models import Absence, Attendance, AttendanceNote, Enrollment, Mark, Visit
from outbox import services as outbox
from sessions.models import GroupSession

# So long after one's own session it can be made up, and so far from it the other one may be.
NEAR = dt.timedelta(days=7)


class NotPossible(Exception):
    """Nothing was changed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Week:
    """One of a member's own sessions, and what became of it on their side so far."""

    enrollment: Enrollment
    session: GroupSession
    absence: Absence | None
    visit: Visit | None
    came: bool

    def is_ahead(self, now: dt.datetime) -> bool:
        return self.session.cancelled_at is None and self.session.starts_at > now

    def is_running(self, now: dt.datetime) -> bool:
        session = self.session
        return session.cancelled_at is None and session.starts_at <= now < session.ends_at


def own_week(*, enrollment: Enrollment, number: int, now: dt.datetime) -> Week:
    """The member's week. Four queries. Raises GroupSession.DoesNotExist for one that they have
    not, that is cancelled, or that is past being made up: unless they still have a chair for it."""
    sessions = GroupSession.objects.filter(
        cohort=enrollment.cohort_id, number__gte=enrollment.first_week
    )
    session = sessions.get(number=number)
    visit = visit_instead_of(enrollment=enrollment, session=session)
    over = session.cancelled_at is not None or session.starts_at <= now - NEAR
    if over and (visit is None or visit.session.ends_at <= now):
        raise GroupSession.DoesNotExist
    session.cohort = enrollment.cohort
    said = Absence.objects.standing().filter(enrollment=enrollment)
    came = GroupSession.objects.filter(pk=session.pk).filter(made_good(enrollment))
    return Week(
        enrollment=enrollment,
        session=session,
        absence=said.filter(session=session).first(),
        visit=visit,
        came=came.exists(),
    )


def visit_instead_of(*, enrollment: Enrollment, session: GroupSession) -> Visit | None:
    visits = Visit.objects.filter(enrollment=enrollment, instead_of=session, given_back_at=None)
    return visits.select_related("session__cohort__programme").first()


def made_good(enrollment: Enrollment) -> Q:
    """Sessions to which the member came, as the door saw or whoever led it noted."""
    mine = {"enrollment": enrollment, "session": OuterRef("pk")}
    noted = AttendanceNote.objects.filter(**mine).exclude(mark=Mark.ABSENT)
    in_time = Attendance.objects.filter(**mine, arrived_at__lte=F("session__starts_at") + LATEST)
    return Q(Exists(in_time)) | Q(Exists(noted))


@dataclass(frozen=True, slots=True)
class ThisWeek:
    """What a member's own page says about coming: whether not to `coming`, where else,
    and what they missed."""

    coming: GroupSession | None
    absent: bool
    visits: list[Visit]
    missed: GroupSession | None

    @property
    def chair_instead(self) -> bool:
        """Whether they have a chair elsewhere in place of `coming`."""
        return any(visit.instead_of == self.coming for visit in self.visits)


def this_week(
    *, enrollment: Enrollment, sessions: Iterable[GroupSession], now: dt.datetime
) -> ThisWeek:
    """About the next of the member's own `sessions` to begin, and the one just past.

    Three queries.
    """
    held = [s for s in sessions if s.cancelled_at is None and s.number >= enrollment.first_week]
    coming = next((s for s in held if s.starts_at > now), None)
    just_past = [s.pk for s in held if s.ends_at <= now and s.starts_at > now - NEAR][-1:]
    elsewhere = Visit.objects.filter(
        enrollment=enrollment, instead_of=OuterRef("pk"), given_back_at=None
    )
    visits = Visit.objects.filter(
        enrollment=enrollment, given_back_at=None, session__ends_at__gt=now
    ).select_related("session__cohort__programme", "instead_of")
    said = Absence.objects.standing().filter(enrollment=enrollment)
    missed = GroupSession.objects.filter(
        ~made_good(enrollment), ~Exists(elsewhere), pk__in=just_past
    )
    return ThisWeek(
        coming=coming,
        absent=said.filter(session=coming).exists(),
        visits=list(visits.order_by("session__starts_at")),
        missed=missed.first(),
    )


@transaction.atomic
def say_absent(*, week: Week, about: dt.datetime, now: dt.datetime) -> None:
    """Note that the member cannot come at the time `about`, which they have before them.

    Saying it twice is saying it once. Raises NotPossible when the session has begun, or has
    moved meanwhile.
    """
    session = GroupSession.objects.get(pk=week.session.pk)
    if session.ends_at <= now:
        raise NotPossible("This session is over.")
    if session.cancelled_at is None and session.starts_at <= now:
        raise NotPossible("This session has begun already. You are still welcome to join it.")
    if session.starts_at != about:
        raise NotPossible("This session has another time now. Please look once more.")
    said = {"starts_at": session.starts_at, "said_at": now}
    absence, new = Absence.objects.get_or_create(
        enrollment=week.enrollment, session=session, defaults=said
    )
    if not new and absence.starts_at != session.starts_at:
        Absence.objects.filter(pk=absence.pk).update(**said)


@transaction.atomic
def expect_again(*, enrollment: Enrollment, session: GroupSession) -> None:
    """Forget what was said. The session's link is owed again."""
    Absence.objects.filter(enrollment=enrollment, session=session).delete()
    outbox.owe_again(
        kinds=(links.SESSION_LINK, links.SESSION_REMINDER),
        subject_ids=[enrollment.pk],
        occasion_ids=[links.occasion(session.starts_at)],
    )
