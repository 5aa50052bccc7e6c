"""The mails about who leads: to members, and to those who lead.

As in `mails.py`, each renderer decides at the moment of sending whether its mail is still owed.
What is news to its reader is asked of `leading_news.py`.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.urls import reverse

from accounts import clock
from accounts.models import User
from enrollment import links
from enrollment.history import verb
from enrollment.leading_news import GROUP, Group, Topic, changes_of, groups_of, heard_by, people_of
from enrollment.mails import Rendered, changed_lines
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING
from outbox.kinds import register
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions import leading
from sessions.leading import names
from sessions.models import Cohort, GroupSession

SUBJECT = "A change to the sessions that you lead"
NO_NEWS = NotOwed("Nothing is different from what this person knows, or a later change says it.")


def register_kinds() -> None:
    register(links.LEADERS_CHANGED, leaders_changed)
    register(links.LEADING_CHANGED, leading_changed)
    register(links.LED_DATES_CHANGED, led_dates_changed)


# --- To members -------------------------------------------------------------------------


def leaders_changed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """Who leads one of a member's sessions, or all of them from now on."""
    changes = changes_of(messages)
    groups = groups_of(changes.values(), now)
    heard, people = heard_by(messages), people_of(groups.values())
    enrollments = Enrollment.objects.select_related("member").in_bulk(
        [message.subject_id for message in messages]
    )

    def render(message: Message) -> Mail | NotOwed:
        enrollment, change = enrollments[message.subject_id], changes[message.occasion_id]
        if enrollment.status not in IN_STANDING:
            return NotOwed(f"The enrolment is {enrollment.status}.")
        group = groups[change.cohort_id]
        news = dict(group.news(change, heard[enrollment.pk]))
        own = [one for one in group.ahead if one.number >= enrollment.first_week]
        zone = enrollment.member.time_zone
        words = _words_to_member(group, own, news, people, zone)
        if not words:
            return NO_NEWS
        numbers = {number for number, _ in news}
        days = [clock.day(one.starts_at, zone) for one in own if one.number in numbers]
        one_day = GROUP not in news and len(days) == 1
        return compose(
            "leaders-changed",
            f"About your session on {days[0]}" if one_day else "About your sessions",
            {
                "member": enrollment.member,
                "sentences": words,
                "one": one_day,
                "url": enrollment.get_absolute_url(),
            },
        )

    return {message.pk: render(message) for message in messages}


def _words_to_member(
    group: Group,
    own: Sequence[GroupSession],
    news: Mapping[Topic, Any],
    people: Mapping[int, User],
    zone: str,
) -> list[str]:
    if not own:
        return []
    if GROUP not in news:
        return [
            _one_session(group, one, people[absent], zone)
            for number, absent in news
            for one in own
            if one.number == number and absent in people
        ]
    before, team = news[GROUP], group.team
    left = [people[pk] for pk in before if pk in people and pk not in team.ids]
    joined = [person for person in team.facilitators if person.pk not in before]
    first = clock.day(own[0].starts_at, zone)
    words = f"From {first}, {names(team.facilitators)} {verb(team.facilitators)} your sessions"
    words += f" instead of {names(left)}." if left and joined else "."
    return [words] + [
        _one_session(group, one, swap.absent, zone)
        for one in own
        for swap in team.substitutions.get(one.pk, ())
    ]


def _one_session(group: Group, session: GroupSession, usual: User, zone: str) -> str:
    """As in "On Tuesday, December 15, Mei leads your session instead of Dana."""
    day, swap = clock.day(session.starts_at, zone), group.team.substitution(session, usual.pk)
    if swap is None:
        return f"On {day}, {names([usual])} leads your session after all."
    return f"On {day}, {names([swap.substitute])} leads your session instead of {names([usual])}."


# --- To those who lead ------------------------------------------------------------------


def leading_changed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """What somebody leads, or does not lead any more. The subject is the person."""
    changes = changes_of(messages)
    groups = groups_of(changes.values(), now)
    heard = heard_by(messages)
    readers = User.objects.in_bulk([message.subject_id for message in messages])

    def render(message: Message) -> Mail | NotOwed:
        reader, change = readers[message.subject_id], changes[message.occasion_id]
        group = groups[change.cohort_id]
        # Who made a change knows of it.
        heard[reader.pk].told |= {one.pk for one in group.changes if one.actor_id == reader.pk}
        news = dict(group.news(change, heard[reader.pk]))
        sentences = [*_words_to_leader(group, news, reader)] if group.ahead else []
        if not sentences:
            return NO_NEWS
        return compose("leading-changed", SUBJECT, _to_leader(reader, sentences, group.cohort))

    return {message.pk: render(message) for message in messages}


def _words_to_leader(group: Group, news: Mapping[Topic, Any], reader: User) -> Iterator[str]:
    name, zone, pk = f"“{group.cohort.name}”", reader.time_zone, reader.pk
    leads = pk in group.team.ids
    if GROUP in news and leads != (pk in news[GROUP]):
        first = clock.day_and_time(group.ahead[0].starts_at, zone)
        next_one = f"You lead {name} from now on. The next session is on {first}."
        yield next_one if leads else f"You do not lead {name} any more."
        return
    for (number, absent), known in news.items():
        session = group.session(number)
        if session is None:
            continue
        when = clock.day_and_time(session.starts_at, zone)
        swap = group.team.substitution(session, absent)
        if swap and swap.substitute_id == pk:
            instead = names([swap.absent])
            yield f"You lead {name} on {when}, instead of {instead}. It is week {number}."
        elif known == pk and not leads:
            yield f"You do not lead {name} on {when} any more."
        elif absent == pk and leads and swap is None:
            yield f"You lead {name} on {when} after all."
        elif absent == pk and known is None and swap:
            yield f"{names([swap.substitute])} leads {name} on {when} instead of you."


def led_dates_changed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """New dates of a group, for those who lead it and for substitutes in sessions that changed."""
    changes = changes_of(messages)
    cohorts = {change.cohort_id for change in changes.values()}
    teams = leading.teams(cohorts)
    sessions: dict[int, list[GroupSession]] = defaultdict(list)
    for session in GroupSession.objects.filter(cohort__in=cohorts).order_by("number"):
        sessions[session.cohort_id].append(session)
    readers = User.objects.in_bulk([message.subject_id for message in messages])

    def render(message: Message) -> Mail | NotOwed:
        reader, change = readers[message.subject_id], changes[message.occasion_id]
        team = teams.get(change.cohort_id, leading.NOBODY)
        own = [
            session
            for session in sessions[change.cohort_id]
            if reader in team.facilitators or reader in team.of(session)
        ]
        lines = changed_lines(change, own, now)
        if not lines:
            return NO_NEWS
        context = {**_to_leader(reader, [], change.cohort), "lines": lines}
        return compose("led-dates-changed", SUBJECT, context)

    return {message.pk: render(message) for message in messages}


def _to_leader(reader: User, sentences: list[str], cohort: Cohort) -> dict[str, Any]:
    return {
        "reader": reader,
        "zone": reader.time_zone,
        "sentences": sentences,
        "cohort": cohort,
        "desk": reverse("enrollment:desk"),
    }
