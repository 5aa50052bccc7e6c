"""A calendar that keeps itself up to date: one secret address for each person who wants one.

Whoever has the address sees when its owner meets, and nothing of why or with whom. Every
door in it still asks who comes.
"""

import datetime as dt
from collections import defaultdict

from django.conf import settings
from django.urls import reverse
from icalendar import vDuration, vText

from accounts.models import User
from enrollment.calendar import Entry, calendar_of, host, member_entries, visit_entry
from enrollment.models import CalendarFeed, Enrollment, Visit, random_feed_token
from enrollment.states import IN_STANDING, Status
from sessions import leading
from sessions.models import Cohort, GroupSession

# How often a calendar is asked to look again; some look when they like.
LOOK_AGAIN = dt.timedelta(hours=1)
# A calendar of one's own is for what comes; who leads for years would send all of them each time.
PAST_SHOWN = dt.timedelta(days=365)
# Who has sessions, or had them.
SHOWN = (*IN_STANDING, Status.COMPLETED)


# --- The link ---------------------------------------------------------------------------


def feed_of(person: User) -> CalendarFeed | None:
    return CalendarFeed.objects.filter(person=person).first()


def make_link(*, person: User, now: dt.datetime) -> bool:
    """Give the person a link; False if they have one already, which stays as it is."""
    _, made = CalendarFeed.objects.get_or_create(person=person, defaults={"made_at": now})
    return made


def renew_link(*, person: User, now: dt.datetime) -> bool:
    """Another link in the place of the old one; False if there is none any more."""
    own = CalendarFeed.objects.filter(person=person)
    return own.update(token=random_feed_token(), made_at=now) == 1


def turn_off(*, person: User) -> None:
    """From now on the link leads nowhere."""
    CalendarFeed.objects.filter(person=person).delete()


def person_behind(*, token: str) -> User | None:
    """Whose link this is; None for one that is unknown or off, or whose person is locked out."""
    feeds = CalendarFeed.objects.filter(token=token, person__is_active=True)
    feed = feeds.select_related("person").first()
    return feed.person if feed else None


# --- What it shows ----------------------------------------------------------------------


def feed_ics(*, person: User, now: dt.datetime) -> bytes:
    """A person's sessions, those of the last year too. At most four queries."""
    since = now - PAST_SHOWN
    entries = sorted(
        [*_own_sessions(person, since), *_visits(person, since), *_led_sessions(person, since)],
        key=lambda entry: (entry.session.starts_at, entry.uid),
    )
    calendar = calendar_of(entries, now=now)
    # One name and one pace, in the words of RFC 7986 and in those that came before it. The
    # types are given: the library would write all but a known property without its escapes.
    name = vText(f"{settings.PRACTICE_NAME}: sessions")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", vDuration(LOOK_AGAIN), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vDuration(LOOK_AGAIN))
    return bytes(calendar.to_ical())


def _own_sessions(person: User, since: dt.datetime) -> list[Entry]:
    """The sessions of each group that the person has a confirmed seat in, or finished."""
    enrollments = Enrollment.objects.filter(member=person, status__in=SHOWN)
    by_cohort: dict[int, list[GroupSession]] = defaultdict(list)
    cohorts = [one.cohort_id for one in enrollments]
    for session in GroupSession.objects.filter(cohort__in=cohorts, ends_at__gt=since):
        by_cohort[session.cohort_id].append(session)
    entries: list[Entry] = []
    for enrollment in enrollments:
        theirs = [s for s in by_cohort[enrollment.cohort_id] if s.number >= enrollment.first_week]
        entries += member_entries(enrollment=enrollment, sessions=theirs)
    return entries


def _visits(person: User, since: dt.datetime) -> list[Entry]:
    """The chairs that the person has, or had, in another group's session."""
    visits = Visit.objects.filter(
        enrollment__member=person,
        enrollment__status__in=SHOWN,
        given_back_at=None,
        session__ends_at__gt=since,
    )
    return [visit_entry(visit) for visit in visits.select_related("session")]


def _led_sessions(person: User, since: dt.datetime) -> list[Entry]:
    """The sessions that the person leads, also as a substitute; a draft's are nobody's yet."""
    if not person.leads:
        return []
    led = leading.led_by(person).filter(ends_at__gt=since).select_related("cohort")
    desk = settings.SITE_URL + reverse("enrollment:desk")
    return [
        Entry(
            uid=f"lead-{session.cohort_id}-{session.number}@{host()}",
            session=session,
            summary=f"{settings.PRACTICE_NAME}: session, {session.cohort.name}",
            description=f"Your desk: {desk}",
            url=desk,
        )
        for session in led.exclude(cohort__status=Cohort.Status.DRAFT)
    ]
