"""What a practitioner writes to the plan of a week, and what the member makes of it.

Locks: Share, then Proposal, then WeekPlan. Nothing is written, and nothing is taken into a plan, by
a consent that has ended.
"""

import dataclasses
import datetime as dt
import uuid
from typing import Any

from django.db import models, transaction

from accounts.models import User
from accounts.plain_text import seen as one_line
from enrollment.models import Enrollment
from practice import shared
from practice.models import Part, Proposal, Share
from practice.own import OwnPractice
from practice.sharing import Names
from practice.stored import Texts, content_of, rows_of
from practice.week_plans import Kept, change_week

# As many as a field of the plan takes.
MOST_LETTERS = 1000
# For one week, by one person: more would be a conversation, which has other places.
MOST_A_WEEK = 10
# What was taken back leaves a line at the member: so many of these make room for another.
TAKEN_BACK_FREELY = 3

FULL = (
    "You wrote ten things to this week already. Speak about the next one when you meet, or write "
    "it to another week."
)
NO_WEEK = "This week has not begun yet."
ENDED = (
    "You do not share your plan with this person any more, so this cannot be taken over. You can "
    "write it into your plan yourself."
)
CHANGED = "Your plan has changed since you opened this page. Here it is as it is now."
NO_ROOM = (
    "There is no room for this in your plan: that field takes 1,000 characters. Shorten it in "
    "your plan first."
)
DECIDED = "You have answered this already."
GONE = "They took this back, so there is nothing to answer any more. Your plan stays as it is."
ANSWERED = (
    "It was answered already, so it stays. If it should not stand here, speak about it with the "
    "member: they can change their plan at any moment."
)
ANEW = "You took this back. To send it after all, press \u201cSend it\u201d once more."
# Of a plan's keys, what is about its activity alone, and is not said of another one.
SAID_OF_ACTIVITY: dict[str, Any] = {"area": "", "sure": None, "outcome": "", "outcome_words": ""}


class NotPossible(Exception):
    """Nothing was changed; the message says why."""


class Way(models.TextChoices):
    """What an adaptation changes; the value is that field of `planning.Plan`."""

    TASK = "task", "The task itself"
    PLACE = "place", "The place"
    TOOL = "tool", "A tool or an aid"
    PERSON = "person", "Somebody who helps"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Words(Texts):
    """The encrypted part of a proposal. `instead_of` is the activity that it took the place of."""

    text: str = ""
    way: str = ""
    instead_of: str = ""


# --- By the practitioner ----------------------------------------------------------------


def propose(
    *,
    public_id: uuid.UUID,
    reader: User,
    key: uuid.UUID,
    week: int,
    kind: Proposal.Kind,
    words: Words,
    practice: OwnPractice,
    now: dt.datetime,
) -> Proposal:
    """Write something to one of the weeks that have begun. The same key twice is once.

    Raises Share.DoesNotExist when the plan is not shared now, NotPossible with words, ValueError
    for an adaptation of nothing that a plan has.
    """
    if kind == Proposal.Kind.ADAPTATION and words.way not in Way.values:
        raise ValueError("An adaptation changes one of the four things that a plan has.")
    with shared.held(public_id=public_id, reader=reader, part=Part.PLAN, now=now) as share:
        done = Proposal.objects.filter(public_id=key).first()
        if done is not None:
            if done.share_id != share.pk:
                raise Share.DoesNotExist
            if done.state == Proposal.State.TAKEN_BACK:
                raise NotPossible(ANEW)
            return done
        if practice.week(week) is None:
            raise NotPossible(NO_WEEK)
        if _written(share, week) >= MOST_A_WEEK:
            raise NotPossible(FULL)
        return Proposal.objects.create(
            public_id=key,
            share=share,
            week=week,
            kind=kind,
            content=words.dump(),
            made_at=now,
        )


def _written(share: Share, week: int) -> int:
    """How many things to a week; of those that were taken back all but the first few count."""
    of_week = share.proposals.filter(week=week)
    taken_back = of_week.filter(state=Proposal.State.TAKEN_BACK).count()
    return of_week.count() - min(taken_back, TAKEN_BACK_FREELY)


def take_back(*, public_id: uuid.UUID, reader: User, proposal: uuid.UUID, now: dt.datetime) -> None:
    """Erase the words of something that the reader wrote by this consent, as long as it was not
    answered. That it was taken back stays, and when. Twice is once.

    Raises Share.DoesNotExist when the plan is not shared now, Proposal.DoesNotExist for what is
    somebody else's, NotPossible with words.
    """
    with shared.held(public_id=public_id, reader=reader, part=Part.PLAN, now=now) as share:
        # Unread, so that also what no key opens can be taken back.
        own = share.proposals.select_for_update(no_key=True).defer("content")
        found = own.get(public_id=proposal)
        if found.state == Proposal.State.TAKEN_BACK:
            return
        if found.state != Proposal.State.OPEN:
            raise NotPossible(ANSWERED)
        found.state, found.decided_at = Proposal.State.TAKEN_BACK, now
        found.content = Words().dump()
        found.save(update_fields=["state", "decided_at", "content"])


# --- By the member ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Suggestion:
    """A proposal with its words, and whose it is as the member wrote them."""

    proposal: Proposal
    words: Words
    by: str
    by_role: str
    # Whether it can be answered: open, and by somebody who still sees the plan.
    asks: bool

    @property
    def taken_back(self) -> bool:
        return self.proposal.state == Proposal.State.TAKEN_BACK

    @property
    def kind(self) -> str:
        return self.proposal.kind

    @property
    def way(self) -> str:
        return str(Way(self.words.way).label) if self.words.way in Way.values else ""


def suggestion(proposal: Proposal, now: dt.datetime) -> Suggestion:
    """Of a proposal that was fetched with its share."""
    share = proposal.share
    asks = (
        proposal.kind != Proposal.Kind.COMMENT
        and proposal.state == Proposal.State.OPEN
        and share.shows(Part.PLAN, now)
    )
    name = Names.of(share).name
    return Suggestion(
        proposal, Words.load(content_of(proposal)), name, share.get_role_display(), asks
    )


def to_member(
    *, enrollment: Enrollment, now: dt.datetime, week: int | None = None
) -> list[Suggestion]:
    """All that was written to this member's weeks, the latest first; or to one week. One query."""
    found = Proposal.objects.filter(share__enrollment=enrollment).select_related("share")
    if week is not None:
        found = found.filter(week=week)
    return [suggestion(one, now) for one in _rows(found.order_by("-made_at", "-pk"))]


def to_look_at(*, practice: OwnPractice) -> list[Suggestion]:
    """By those who see the plan now, the latest first: what asks for an answer, and comments on
    this week. One query."""
    week = practice.this_week
    found = Proposal.objects.filter(
        ~models.Q(kind=Proposal.Kind.COMMENT) | models.Q(week=week.number if week else 0),
        share__enrollment=practice.enrollment,
        state=Proposal.State.OPEN,
    )
    rows = found.select_related("share").order_by("-made_at", "-pk")
    now = practice.now
    return [suggestion(row, now) for row in _rows(rows) if row.share.shows(Part.PLAN, now)]


def _rows(found: "models.QuerySet[Proposal]") -> list[Proposal]:
    return rows_of(found, "content", "share__content")


@dataclasses.dataclass(frozen=True, slots=True)
class Effect:
    """What saying yes would do to the plan: one of its fields, before and after."""

    field: str
    before: str
    after: str
    # Of the plan that this was reckoned from; 0 where there is none.
    revision: int
    # The week was skipped.
    takes_up: bool


def effect(*, words: Words, kind: str, kept: Kept) -> Effect:
    """Pure. An adaptation is added to what stands there; an activity takes its place. Either on
    one line: the plan's form has no more for it."""
    said, revision, skipped = one_line(words.text), kept.revision, kept.skipped
    if kind == Proposal.Kind.ACTIVITY:
        return Effect("activity", kept.plan.activity, said, revision, skipped)
    before = str(getattr(kept.plan, words.way))
    after = f"{before}; {said}" if before else said
    return Effect(words.way, before, after, revision, skipped)


@transaction.atomic
def decide(
    *, enrollment: Enrollment, public_id: uuid.UUID, accept: bool, seen: int, now: dt.datetime
) -> Proposal:
    """Say yes, which changes the plan of that week, or no. `seen` is the plan's revision on the
    page. The same answer twice is once.

    Raises Proposal.DoesNotExist for somebody else's and for a comment, NotPossible with words.
    """
    mine = Proposal.objects.filter(share__enrollment=enrollment).exclude(kind=Proposal.Kind.COMMENT)
    about = mine.get(public_id=public_id)
    share = _held(about)
    proposal = Proposal.objects.select_for_update(no_key=True).get(pk=about.pk)
    answer = Proposal.State.ACCEPTED if accept else Proposal.State.DECLINED
    if proposal.state != Proposal.State.OPEN:
        if proposal.state == answer:
            return proposal
        raise NotPossible(GONE if proposal.state == Proposal.State.TAKEN_BACK else DECIDED)
    if accept:
        if not share.shows(Part.PLAN, now):
            raise NotPossible(ENDED)
        _take_over(proposal, enrollment, seen, now)
    proposal.state, proposal.decided_at = answer, now
    proposal.save(update_fields=["state", "decided_at", "content"])
    return proposal


def _held(proposal: Proposal) -> Share:
    """The consent that the proposal stands by, as it stays until the transaction ends.

    A change of the consent takes its proposals along: then the new one is held. Raises
    Proposal.DoesNotExist when it was erased meanwhile.
    """
    share = Share.objects.select_for_update(no_key=True).filter(pk=proposal.share_id).first()
    now_by = Proposal.objects.values_list("share_id", flat=True).get(pk=proposal.pk)
    if share is not None and now_by == share.pk:
        return share
    return Share.objects.select_for_update(no_key=True).get(pk=now_by)


def _take_over(proposal: Proposal, enrollment: Enrollment, seen: int, now: dt.datetime) -> None:
    words = Words.load(proposal.content)

    def change(kept: Kept) -> Kept:
        would = effect(words=words, kind=proposal.kind, kept=kept)
        if seen != would.revision:
            raise NotPossible(CHANGED)
        if len(would.after) > MOST_LETTERS:
            raise NotPossible(NO_ROOM)
        new: dict[str, Any] = {would.field: would.after}
        if proposal.kind == Proposal.Kind.ACTIVITY:
            proposal.content = dataclasses.replace(words, instead_of=would.before).dump()
            new |= SAID_OF_ACTIVITY
        return dataclasses.replace(kept, plan=dataclasses.replace(kept.plan, **new), skipped=False)

    change_week(enrollment=enrollment, week=proposal.week, change=change, seen=seen, now=now)
