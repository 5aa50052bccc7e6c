"""How demo people practise between sessions: made by the services that the pages use.

Sam has lived two weeks and shares them with an occupational therapist; two others noted some days,
the rest of the group nothing, so that whoever leads it sees both.
"""

import contextlib
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from enrollment.models import Enrollment
from outbox.models import Message
from practice import (
    aiming,
    consent,
    daily_life,
    diary,
    for_leaders,
    proposals,
    rating,
    shared,
    shared_goals,
    sharing,
    week_plans,
)
from practice.changes import ChangedMeanwhile
from practice.diary import Card
from practice.goals import Aim
from practice.inviting import INVITATION
from practice.looks import Look
from practice.models import Part, PractitionerRole, Proposal, Share, SharedWithLeader
from practice.own import OwnPractice, own_practice
from practice.planning import Outcome, Plan
from practice.proposals import Words
from sandbox.demo_people import ORA, SAM, address
from sessions.models import Area

DAY = dt.timedelta(days=1)

LOOKS = {
    Area.HOME: Look(
        well="Dinner tastes good when I get around to it.",
        hard="Starting. The kitchen is a mess before I begin.",
        helps="Music, and cutting things up at noon.",
        person="Tired after work.",
        surroundings="No free counter.",
        performance=4,
        satisfaction=3,
        matters=True,
    ),
    Area.WORK: Look(
        well="I like the people on my shift.",
        hard="Answering sharp messages right away.",
        helps="A walk around the block first.",
        performance=6,
        satisfaction=5,
    ),
    Area.REST: Look(
        hard="I lie awake with the phone.",
        helps="Leaving the phone in the hall.",
        performance=3,
        satisfaction=3,
        matters=True,
    ),
}

POST = Plan(
    skill="STOP",
    activity="Pause before you answer a sharp message",
    area=Area.WORK,
    when="On my break, at the back door",
    place="Outside, away from the counter",
    sure=7,
)
DRINK = Plan(
    skill="Self-soothe",
    activity="Make a hot drink and notice it with all five senses",
    area=Area.HOME,
    when="In the evening, before I cook",
    tool="The blue mug",
    sure=6,
)


class Noted(NamedTuple):
    """So many days ago, one card; days between are blank, as they are for most people."""

    days_ago: int
    card: Card


SAMS_DAYS = (
    Noted(13, Card(skills=("Wise mind",), activity="Reading the mail", before=6, after=5)),
    Noted(
        12,
        Card(
            skills=("States of mind",),
            activity="Shop for food on a budget",
            before=7,
            after=4,
            note="Noticed it at the register.",
        ),
    ),
    Noted(9, Card(skills=("Wise mind",), activity="Deciding about Saturday", before=5, after=3)),
    Noted(
        6,
        Card(skills=("STOP",), activity=POST.activity, before=8, after=5),
    ),
    Noted(
        5,
        Card(
            skills=("STOP", "Wise mind"),
            activity="Stop for one breath when something in the kitchen goes wrong",
            before=7,
            after=3,
            note="Turned the stove off first. That was the whole trick.",
        ),
    ),
    Noted(3, Card(activity="A long day", before=6, note="Nothing tried, and that is all right.")),
    Noted(2, Card(skills=("STOP",), activity=POST.activity, before=8, after=4)),
    Noted(1, Card(skills=("Pros and cons",), activity="Going in on my day off", before=5, after=4)),
)
SOME_DAYS = (
    Noted(5, Card(skills=("STOP",), activity="On the phone", before=6, after=4)),
    Noted(2, Card(skills=("Pros and cons",), before=7, after=6)),
)

COOK = Aim(
    title="Cook dinner at home",
    levels=(
        "I don\u2019t cook",
        "On one evening of the week",
        "On two evenings of the week",
        "On three evenings of the week",
        "On most evenings, and I ask somebody to join me",
    ),
)
PHONE = Aim(
    title="Put the phone away before bed",
    levels=("", "Once a week", "On three nights a week", "On five nights a week", ""),
)

COMMENT = "The pause before the answer is the hard part, and it is in here three times."
EASIER = "Put the mug and the tea out in the morning, so that only the water is left to do."


def practise(enrolled: Sequence[Enrollment], *, now: dt.datetime) -> None:
    """For a group whose third session has begun."""
    seats = {one.member.email: one for one in enrolled}
    for name in ("Ari", "Cal"):
        if seat := seats.get(address(name)):
            _note(seat, SOME_DAYS, now)
    if seat := seats.get(SAM):  # who is not there when somebody changed their answers
        _sams_weeks(seat, now)


def _sams_weeks(seat: Enrollment, now: dt.datetime) -> None:
    for area, look in LOOKS.items():
        with contextlib.suppress(ChangedMeanwhile):  # Sam looked at it anew
            daily_life.save_look(
                member=seat.member, area=area, look=look, seen=0, now=now - 12 * DAY
            )
    _note(seat, SAMS_DAYS, now)
    _plan(seat, now)
    for_leaders.choose(
        enrollment=seat,
        parts=[SharedWithLeader.Kind.PRACTISED, SharedWithLeader.Kind.PLAN],
        now=now - 6 * DAY,
    )
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=now)
    share = _share(practice)
    _aim(share, practice)
    _ora_writes(share, practice)


def _plan(seat: Enrollment, now: dt.datetime) -> None:
    """The first week skipped, the second with how it went, the third to come."""
    week_plans.skip_week(enrollment=seat, week=1, seen=0, now=now - 10 * DAY)
    week_plans.save_plan(enrollment=seat, week=2, plan=POST, seen=0, now=now - 6 * DAY)
    week_plans.say_how_it_went(
        enrollment=seat,
        week=2,
        outcome=Outcome.PARTLY,
        words="Twice I paused, once I did not.",
        seen=1,
        now=now - DAY,
    )
    week_plans.save_plan(enrollment=seat, week=3, plan=DRINK, seen=0, now=now)


def _aim(share: Share, practice: OwnPractice) -> None:
    """Two goals, both rated at the one look that is open; one is worked on with Ora."""
    seat, now = share.enrollment, practice.now
    cook, phone = (
        aiming.set_goal(enrollment=seat, aim=aim, key=uuid.uuid4(), now=now - 12 * DAY)
        for aim in (COOK, PHONE)
    )
    rated: dict[str, Any] = {"practice": practice, "week": 1, "level": -1, "seen": 0}
    by_them: dict[str, Any] = {"goal": phone, "goal_seen": 1, "by": seat.member}
    rating.rate(**rated, **by_them, note="Once, on Sunday.", now=now - 11 * DAY)
    sharing.work_on(enrollment=seat, chosen={cook.public_id: share})
    with_ora: dict[str, Any] = {
        "public_id": share.public_id,
        "reader": share.practitioner,
        "goal": cook.public_id,
        "now": now - 8 * DAY,
    }
    shared_goals.agree(**with_ora, seen=1)
    shared_goals.rate(**with_ora, **rated, goal_seen=2, note="Rated together.")


def _share(practice: OwnPractice) -> Share:
    """Nine days ago, until four weeks after the last session; Ora came the day after."""
    signed = practice.now - 9 * DAY
    choice = sharing.Choice(
        name="Ora Lindqvist",
        email=ORA,
        role=PractitionerRole.OCCUPATIONAL_THERAPIST,
        parts=list(Part.values),
        until=sharing.usual_day(practice),
    )
    signature = sharing.Signature(
        key=uuid.uuid4(), name="Sam Demo", terms_version=consent.CURRENT.version
    )
    share = sharing.sign(
        enrollment=practice.enrollment, choice=choice, signature=signature, now=signed
    )
    # The mails that visitors cause should be easy to find.
    Message.objects.filter(kind=INVITATION, subject_id=share.pk).delete()
    shared.accept(share=share, now=signed + DAY)
    for part, days_ago in ((Part.GOALS, 8), (Part.PLAN, 8), (Part.DIARY, 5), (Part.PLAN, 2)):
        with shared.opened(
            public_id=share.public_id,
            reader=share.practitioner,
            part=part,
            now=practice.now - days_ago * DAY,
        ):
            pass
    return share


def _ora_writes(share: Share, practice: OwnPractice) -> None:
    """A comment two days ago, and a suggestion that waits for Sam's answer."""
    for kind, week, words, at in (
        (Proposal.Kind.COMMENT, 2, Words(text=COMMENT), practice.now - 2 * DAY),
        (Proposal.Kind.ADAPTATION, 3, Words(text=EASIER, way="task"), practice.now),
    ):
        proposals.propose(
            public_id=share.public_id,
            reader=share.practitioner,
            key=uuid.uuid4(),
            week=week,
            kind=kind,
            words=words,
            practice=practice,
            now=at,
        )


def _note(seat: Enrollment, days: Sequence[Noted], now: dt.datetime) -> None:
    today = own_practice(member=seat.member, public_id=seat.public_id, now=now).today
    for noted in days:
        diary.save_card(
            enrollment=seat,
            day=today - noted.days_ago * DAY,
            card=noted.card,
            seen="",
            page="",
            now=now - noted.days_ago * DAY,
        )
