"""Previewing and making a change of where a group meets: for all its sessions, or for one.

Nobody is told: a member's private door stays the same, and leads to the new place from the next
click on. The address itself stands in no mail and in no history.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import User
from enrollment import history
from enrollment.changes import Impossible
from enrollment.history import Done, Kind
from sessions import bookings, leading
from sessions.models import Cohort, CohortChange, GroupSession


@dataclass(frozen=True, slots=True)
class Relink:
    """Another address, for the session of that number or, with 0, for all the group's.

    An empty one: the session uses the group's; the group, a new room for each session.
    """

    number: int
    url: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do, for somebody to decide."""

    wish: Relink
    session: GroupSession | None
    of_their_own: list[GroupSession]  # sessions that the group's link does not reach
    running: GroupSession | None


def preview(*, cohort: Cohort, wish: Relink, now: dt.datetime) -> Preview:
    """What the wish would do now. Raises changes.Impossible."""
    ahead = list(history.sessions_ahead(cohort, now))
    session = _session(cohort, wish, ahead)
    history.refuse_conflicts(cohort, _slots(cohort, wish), "url", now)
    changed = [session] if session else [one for one in ahead if not one.meeting_url]
    return Preview(
        wish=wish,
        session=session,
        of_their_own=[] if session else [one for one in ahead if one.meeting_url],
        running=next((one for one in changed if one.starts_at <= now), None),
    )


def apply(
    *, cohort_id: int, wish: Relink, version: int, actor: User, reason: str, now: dt.datetime
) -> Done:
    """Make the change and write it down; it counts from the next click.

    Raises history.ChangedMeanwhile when the group is not at `version` any more, and
    changes.Impossible as the preview does.
    """
    with history.on_version(cohort_id=cohort_id, version=version) as cohort:
        found = preview(cohort=cohort, wish=wish, now=now)
        if found.session is None:
            cohort.meeting_url = wish.url
            cohort.save(update_fields=["meeting_url"])
        else:
            found.session.meeting_url = wish.url
            found.session.save(update_fields=["meeting_url"])
        history.book(cohort, "url", now)
        first = found.session or history.sessions_ahead(cohort, now)[0]
        change = CohortChange.objects.create(
            cohort=cohort,
            at=now,
            actor=actor,
            kind=Kind.SESSION_LINK if found.session else Kind.LINK,
            number=first.number,
            reason=reason,
            details=[],
        )
    return Done(change)


def _session(cohort: Cohort, wish: Relink, ahead: Sequence[GroupSession]) -> GroupSession | None:
    """The session that is meant, None for the group. Raises Impossible where nothing changes."""
    session = next((one for one in ahead if one.number == wish.number), None)
    if not ahead or (wish.number and session is None):
        raise Impossible("number", "Choose a session that is still to come.")
    if wish.url == (session.meeting_url if session else cohort.meeting_url):
        raise Impossible("url", "That is how it is already.")
    return session


def _slots(cohort: Cohort, wish: Relink) -> list[bookings.Slot]:
    """Where the cohort would meet."""
    wanted = []
    for slot in bookings.slots(cohort, leading.team(cohort)):
        own = slot.session and slot.session.meeting_url
        if slot.session and slot.session.number == wish.number:
            slot = slot._replace(link_key=bookings.link_key(wish.url or cohort.meeting_url))
        elif not wish.number and not own:
            slot = slot._replace(link_key=bookings.link_key(wish.url))
        wanted.append(slot)
    return wanted
