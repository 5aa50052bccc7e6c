"""What is news about who leads: to whom, at the moment when a mail is written.

Of two changes in a row only the latest that somebody is owed a mail about speaks, and it tells what
is different from what its reader knows: whoever comes back before the first mail went out is no
news. They know what they were last told of; before that, who led the group when they came, as its
page says that, and of no substitute, as no page does.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from accounts.models import User
from enrollment.history import OF_LEADERS, people_in
from outbox.models import Message, State
from sessions import leading
from sessions.leading import Team
from sessions.models import Cohort, CohortChange, GroupSession

# What a line of a change's details is about: the number of a session and who is away then, or
# (0, 0), the group.
Topic = tuple[int, int]
GROUP: Topic = (0, 0)


@dataclass(frozen=True, slots=True)
class Group:
    """A cohort as it stands when the mails are written."""

    cohort: Cohort
    team: Team
    ahead: list[GroupSession]
    changes: list[CohortChange]

    def session(self, number: int) -> GroupSession | None:
        return next((one for one in self.ahead if one.number == number), None)

    def stands(self, topic: Topic) -> Any:
        """What a line of details would say of now."""
        if topic == GROUP:
            return self.team.ids
        session = self.session(topic[0])
        found = session and self.team.substitution(session, topic[1])
        return found and found.substitute_id

    def news(self, change: CohortChange, heard: "Heard") -> Iterator[tuple[Topic, Any]]:
        """Each topic on which the change has something to say, and what its reader knows of it."""
        for topic in _topics(change):
            about = [one for one in self.changes if topic in _topics(one)]
            owed = [one for one in about if one.pk in heard.owed]
            if owed[-1] != change:
                continue
            told = [one for one in about if one.pk in heard.told]
            if told:
                known = _topics(told[-1])[topic]["after"]
            else:
                # Whoever is owed no earlier change was not there yet.
                known = _topics(owed[0] if topic == GROUP else about[0])[topic]["before"]
            if known != self.stands(topic):
                yield topic, known


@dataclass(slots=True)
class Heard:
    """The changes of which somebody is owed a mail, and those that they were told of."""

    owed: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)


def _topics(change: CohortChange) -> dict[Topic, dict[str, Any]]:
    return {(line["number"], line.get("absent", 0)): line for line in change.details}


def groups_of(changes: Collection[CohortChange], now: dt.datetime) -> dict[int, Group]:
    """The cohorts of these changes. Four queries."""
    cohorts = {change.cohort_id: change.cohort for change in changes}
    teams = leading.teams(cohorts)
    ahead: dict[int, list[GroupSession]] = defaultdict(list)
    sessions = GroupSession.objects.filter(cohort__in=cohorts, ends_at__gt=now, cancelled_at=None)
    for session in sessions.order_by("number"):
        ahead[session.cohort_id].append(session)
    history: dict[int, list[CohortChange]] = defaultdict(list)
    every = CohortChange.objects.filter(cohort__in=cohorts, kind__in=OF_LEADERS)
    for change in every.order_by("pk"):
        history[change.cohort_id].append(change)
    return {
        pk: Group(cohort, teams.get(pk, leading.NOBODY), ahead[pk], history[pk])
        for pk, cohort in cohorts.items()
    }


def heard_by(messages: Sequence[Message]) -> Mapping[int, Heard]:
    """What each subject of these messages has heard, or hears in this moment. One query."""
    first = messages[0]
    every = Message.objects.filter(
        kind=first.kind, subject_id__in={message.subject_id for message in messages}
    )
    found: dict[int, Heard] = defaultdict(Heard)
    for message in every:
        heard = found[message.subject_id]
        heard.owed.add(message.occasion_id)
        elsewhere = message.state == State.SENDING and message.lease != first.lease
        if elsewhere or message.state == State.SENT:
            heard.told.add(message.occasion_id)
    return found


def changes_of(messages: Sequence[Message]) -> dict[int, CohortChange]:
    """The changes that these messages are about, by id. One query."""
    changes = CohortChange.objects.select_related("cohort")
    return changes.in_bulk([message.occasion_id for message in messages])


def people_of(groups: Iterable[Group]) -> dict[int, User]:
    """Everybody of whom a mail could speak, by id. One query."""
    return people_in(change for group in groups for change in group.changes)
