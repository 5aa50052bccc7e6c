"""Demo data: people to sign in as, and groups at every stage, relative to the present moment.

Running it again changes nothing while each stage is still shown; a stage that time has
passed by gets a new group, and the old one lives on as a real one would.
"""

import contextlib
import datetime as dt
import zoneinfo
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from enrollment import attendance, links, opening, refusals, services, waiting
from enrollment.models import Attendance, Enrollment
from outbox.models import Message
from sandbox import demo_money, demo_practice
from sandbox.demo_people import DANA, KIM, LOGINS, LUIS, MEI, SAM, Member, address, store_people
from sessions import bookings, curriculum, schedule
from sessions.models import Cohort, Curriculum, CurriculumWeek, GroupSession, Programme

__all__ = ["LOGINS", "load"]

NAMES = (
    "Sam", "Ari", "Bea", "Cal", "Dee", "Eli", "Kim", "Fay", "Gus", "Hal", "Ida", "Jo", "Kai",
    "Lou", "Max", "Nia", "Ola", "Pat", "Quinn", "Ray", "Sol", "Tam", "Uma", "Val", "Wes",
    "Xan", "Yan", "Zoe", "Abe", "Bo", "Cleo", "Dov", "Ezra", "Fern", "Gil", "Hana", "Ivo", "Jude",
    "Ren", "Sky", "Teo",
)  # fmt: skip

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
DAYTIME = range(8, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A group to show. Session `week` is `days` from today, on the group's own calendar.

    The stage is shown while that session begins between `shown[0]` and `shown[1]` from now.
    """

    key: str
    zone: str
    states: tuple[str, ...]
    wall_time: dt.time
    days: int
    members: int
    leaders: tuple[str, ...]
    week: int = 1
    shown: tuple[dt.timedelta, dt.timedelta] = (dt.timedelta(0), 40 * DAY)
    minutes: int = 60
    capacity: int = 8
    admission: str = Cohort.Admission.START_ONLY
    skipped_week: int | None = None
    waiting: int = 0
    code: str = ""  # that takes 20% off, and was used by who came first


STAGES = (
    Stage(
        key="arizona-noon",
        zone="America/Phoenix",
        states=("AZ", "NM"),
        wall_time=dt.time(12),
        days=1,
        shown=(dt.timedelta(0), 36 * HOUR),
        members=5,
        leaders=(LUIS,),
    ),
    Stage(  # one seat left, and a holiday on the way
        key="pacific-evening",
        zone="America/Los_Angeles",
        states=("CA", "OR", "WA"),
        wall_time=dt.time(18),
        days=9,
        members=7,
        leaders=(DANA, MEI),
        skipped_week=4,
    ),
    Stage(  # full, and waited for
        key="eastern-evening",
        zone="America/New_York",
        states=("NY", "NJ", "MA"),
        wall_time=dt.time(19),
        days=6,
        members=8,
        waiting=3,
        leaders=(MEI,),
    ),
    Stage(  # under way, to be joined at its second block
        key="central-morning",
        zone="America/Chicago",
        states=("IL", "TX", "MN"),
        wall_time=dt.time(9, 30),
        days=5,
        week=5,
        shown=(dt.timedelta(0), 14 * DAY),
        members=4,
        leaders=(LUIS,),
        admission=Cohort.Admission.MODULE_STARTS,
    ),
    Stage(  # under way, to be joined at its third block
        key="mountain-evening",
        zone="America/Denver",
        states=("CO", "UT"),
        wall_time=dt.time(17, 30),
        days=11,
        week=9,
        shown=(dt.timedelta(0), 14 * DAY),
        members=3,
        leaders=(DANA,),
        minutes=90,
        admission=Cohort.Admission.MODULE_STARTS,
    ),
    Stage(
        key="hawaii-afternoon",
        zone="Pacific/Honolulu",
        states=("HI", "CA"),
        wall_time=dt.time(16),
        days=15,
        members=2,
        code="ALOHA-20",
        leaders=(MEI,),
    ),
    Stage(
        key="eastern-lunch",
        zone="America/New_York",
        states=("NY", "FL", "VA", "PA"),
        wall_time=dt.time(12, 30),
        days=20,
        members=0,
        capacity=10,
        leaders=(DANA, LUIS),
        admission=Cohort.Admission.MODULE_STARTS,
    ),
    Stage(  # a week behind the group that meets today: who can't come there has a chair here
        key="eastern-parallel",
        zone="America/New_York",
        states=("NY", "CA", "HI"),
        wall_time=dt.time(17),
        days=8,
        week=4,
        shown=(5 * DAY, 11 * DAY),
        members=3,
        leaders=(DANA,),
    ),
)


def running_stage(now: dt.datetime) -> Stage:
    """A two-hour session that began in this quarter of an hour, where it is day if possible."""
    start = now - dt.timedelta(minutes=now.minute % 15, seconds=now.second)
    clocks = {
        zone: start.astimezone(zoneinfo.ZoneInfo(zone))
        for zone in ("America/New_York", "Pacific/Honolulu")
    }
    zone = next((zone for zone, at in clocks.items() if at.hour in DAYTIME), "America/New_York")
    return Stage(
        key="today",
        zone=zone,
        states=("NY", "CA", "HI"),
        wall_time=clocks[zone].time().replace(microsecond=0, fold=0),
        days=0,
        week=3,
        shown=(-1.5 * HOUR, dt.timedelta(0)),
        minutes=120,
        members=6,
        leaders=(DANA,),
    )


@transaction.atomic
def load(*, now: dt.datetime) -> list[Cohort]:
    """Store everything that is missing; return the groups that were made."""
    stages = (running_stage(now), *STAGES)
    names = iter(NAMES)
    groups = {stage.key: [next(names) for _ in range(stage.members)] for stage in stages}
    lines = {stage.key: [next(names) for _ in range(stage.waiting)] for stage in stages}
    people = store_people(
        members=[
            Member(name, stage.zone, stage.states[number % len(stage.states)])
            for stage in stages
            for number, name in enumerate(groups[stage.key] + lines[stage.key])
        ],
        now=now,
    )
    groups_made = [
        _open_group(
            stage=stage,
            members=[people[address(name)] for name in groups[stage.key]],
            line=[people[address(name)] for name in lines[stage.key]],
            leaders=[people[email] for email in stage.leaders],
            now=now,
        )
        for stage in stages
        if not _is_shown(stage, now)
    ]
    # As if a clinician had decided it, so that a superbill can be looked at.
    Programme.objects.update(superbill_allowed=True)
    return groups_made


def _is_shown(stage: Stage, now: dt.datetime) -> bool:
    begins, until = stage.shown
    return GroupSession.objects.filter(
        cohort__slug__startswith=f"{stage.key}-",
        number=stage.week,
        starts_at__gt=now + begins,
        starts_at__lte=now + until,
    ).exists()


def _open_group(
    *,
    stage: Stage,
    members: list[User],
    line: list[User],
    leaders: list[User],
    now: dt.datetime,
) -> Cohort:
    cohort = _store_cohort(stage, now)
    # A group that time has passed by lives on, and may keep its leader from leading its successor.
    cohort.facilitators.set(
        leader for leader in leaders if not bookings.conflicts(cohort=cohort, leaders=[leader])
    )
    opening.open_enrollment(cohort=cohort)
    sessions = list(cohort.group_sessions.order_by("number"))
    # Everybody here joined before the first session, or before now if that is earlier; who waits
    # came after the last seat was taken.
    last = min(now, sessions[0].starts_at - 4 * DAY) - len(line) * 3 * HOUR
    joined = [
        _enroll(cohort, member, last - number * 3 * HOUR) for number, member in enumerate(members)
    ]
    enrolled = [enrollment for enrollment in joined if enrollment]
    demo_money.pay(enrolled, code=stage.code)
    _keep_quiet(enrolled)
    for number, member in enumerate(line, start=1):
        _wait(cohort, member, last + number * 3 * HOUR)
    past = [session for session in sessions if session.ends_at <= now]
    _attend(enrolled, past, stage)
    for session in past[:-1]:  # of the latest one, somebody still has to say who came
        attendance.close_register(session=session, actor=leaders[0], now=session.ends_at)
    if stage.key == "today":
        demo_practice.practise(enrolled, now=now)
    return cohort


def _store_cohort(stage: Stage, now: dt.datetime) -> Cohort:
    today = now.astimezone(zoneinfo.ZoneInfo(stage.zone)).date()
    first_date = today + stage.days * DAY - (stage.week - 1) * 7 * DAY
    skipped = [first_date + (stage.skipped_week - 1) * 7 * DAY] if stage.skipped_week else []
    return Cohort.objects.create(
        programme=curriculum.seed(Programme.objects, Curriculum.objects, CurriculumWeek.objects),
        name=schedule.usual_name(first_date, stage.wall_time),
        slug=f"{stage.key}-{first_date.isoformat()}-{stage.wall_time:%H%M}",
        first_date=first_date,
        wall_time=stage.wall_time,
        time_zone=stage.zone,
        duration_minutes=stage.minutes,
        capacity=stage.capacity,
        admission=stage.admission,
        admitted_states=list(stage.states),
        skipped_dates=[day.isoformat() for day in skipped],
    )


def _enroll(cohort: Cohort, member: User, at: dt.datetime) -> Enrollment | None:
    try:
        return services.reserve_seat(cohort=cohort, member=member, now=at)
    except refusals.Refused:
        return None  # somebody changed this member's answers; the group goes on without them


def _keep_quiet(enrolled: list[Enrollment]) -> None:
    """Nobody reads most mailboxes, and the mails that visitors cause should be easy to find."""
    unread = [one.pk for one in enrolled if one.member.email not in (SAM, KIM)]
    Message.objects.filter(kind=links.SEAT_CONFIRMED, subject_id__in=unread).delete()


def _wait(cohort: Cohort, member: User, at: dt.datetime) -> None:
    with contextlib.suppress(refusals.Refused):  # as in `_enroll`
        place = waiting.join(cohort=cohort, member=member, now=at)
        Message.objects.filter(kind=links.WAITLIST_JOINED, subject_id=place.pk).delete()


def _attend(enrolled: list[Enrollment], past: list[GroupSession], stage: Stage) -> None:
    """Most members came to the sessions that are over; a different one misses each."""
    Attendance.objects.bulk_create(
        Attendance(
            enrollment=enrollment,
            session=session,
            arrived_at=session.starts_at + (number - 3) * dt.timedelta(minutes=1),
            location=stage.states[number % len(stage.states)],
        )
        for session in past
        for number, enrollment in enumerate(enrolled)
        if session.number % (len(enrolled) + 1) != number + 1
    )
