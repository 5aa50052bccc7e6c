"""Sam's weeks in the demo: enough of everything to look at, and days left blank."""

import datetime as dt

import pytest

from accounts.models import User
from enrollment.models import Enrollment
from outbox.models import Message
from practice import daily_life, diary, for_leaders, proposals, week_plans
from practice.goals import open_looks
from practice.inviting import INVITATION
from practice.looks import Look
from practice.models import DiaryEntry, Goal, Part, Proposal, Share
from practice.own import own_practice, practice_of
from sandbox import demo
from sandbox.demo_people import DANA, ORA, SAM
from sessions.models import Area, GroupSession
from tests.sandbox.test_demo import MOMENTS, NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("now", MOMENTS)
def test_sam_has_lived_two_weeks_with_gaps(now: dt.datetime) -> None:
    demo.load(now=now)
    seat = Enrollment.objects.get(member__email=SAM)
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=now)
    kept = week_plans.plans_of(enrollment=seat)
    assert [kept[number].words for number in (1, 2, 3)] == ["Skipped", "Partly", "Planned"]
    for week in practice.begun[1:]:
        plan = kept[week.number].plan
        assert plan.skill in week.skills
        assert week.teaches
        assert plan.activity in week.teaches.activities_in(plan.area)
    days = list(diary.entries_of(enrollment=seat))
    assert len(days) == 8
    assert all(practice.may_note(day) for day in days)
    assert practice.today not in days
    looks = daily_life.looks_of(member=seat.member).values()
    assert sum(look.is_looked_at for look in looks) == 3


def test_sams_two_goals_are_rated_and_one_is_agreed_on() -> None:
    demo.load(now=NOW)
    seat = Enrollment.objects.get(member__email=SAM)
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=NOW)
    cook, phone = Goal.objects.filter(enrollment=seat)
    for goal in (cook, phone):
        assert [one.week for one in goal.ratings.all()] == open_looks(practice) == [1]
    assert cook.agreed_by
    assert cook.agreed_by.email == ORA
    assert phone.agreed_by is None


def test_a_therapist_comments_and_has_a_suggestion_open() -> None:
    demo.load(now=NOW)
    share = Share.objects.get()
    assert (share.practitioner.email, share.parts) == (ORA, list(Part.values))
    assert share.stands(NOW)
    assert list(share.proposals.values_list("kind", "state", "week")) == [
        (Proposal.Kind.COMMENT, Proposal.State.OPEN, 2),
        (Proposal.Kind.ADAPTATION, Proposal.State.OPEN, 3),
    ]
    practice = practice_of(enrollment=share.enrollment, now=NOW)
    assert [one.kind for one in proposals.to_look_at(practice=practice)] == [
        Proposal.Kind.ADAPTATION
    ]
    assert not Message.objects.filter(kind=INVITATION).exists()


def test_whoever_leads_sees_some_who_practised_and_some_who_noted_nothing() -> None:
    demo.load(now=NOW)
    session = GroupSession.objects.get(starts_at__lte=NOW, ends_at__gt=NOW)
    dana = User.objects.get(email=DANA)
    lines = for_leaders.list_for(session=session, reader=dana, now=NOW)
    assert {line.name for line in lines if line.practised} == {"Sam", "Ari", "Cal"}
    assert {line.name for line in lines if not line.practised} == {"Bea", "Dee", "Eli"}


def test_what_sam_writes_stays_when_it_is_loaded_again() -> None:
    demo.load(now=NOW)
    sam = User.objects.get(email=SAM)
    daily_life.save_look(
        member=sam,
        area=Area.HOME,
        look=Look(well="Written by a visitor."),
        seen=daily_life.looks_of(member=sam)[Area.HOME].revision,
        now=NOW,
    )
    days = DiaryEntry.objects.count()
    assert demo.load(now=NOW + dt.timedelta(minutes=30)) == []
    assert DiaryEntry.objects.count() == days
    # Two days later there is a new group, in which Sam has a second practice.
    demo.load(now=NOW + dt.timedelta(days=2))
    assert DiaryEntry.objects.count() == 2 * days
    assert Share.objects.count() == 2
    assert daily_life.looks_of(member=sam)[Area.HOME].well == "Written by a visitor."
