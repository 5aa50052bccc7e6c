"""What others who help do not see: what was never shown to them, and what is not theirs."""

import datetime as dt
import json
import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from enrollment import services
from enrollment.models import Enrollment
from practice import fhir, proposals, sharing, week_plans
from practice.models import GoalRating, Part, Proposal, Share, WeekPlan
from practice.own import own_practice
from tests.enrollment.builders import HOUR
from tests.practice import lived
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import (
    a_card,
    a_goal,
    a_plan,
    a_practitioner,
    a_proposal,
    a_share,
    let_in,
)
from tests.practice.test_care_copies import pdf_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


def path(share: Share, part: str) -> str:
    return reverse(f"practice:care_{part}", args=[share.public_id])


def page(client: Client, share: Share, part: str) -> str:
    answer = client.get(path(share, part))
    assert answer.status_code == 200
    return str(answer.content.decode())


def copies(client: Client, share: Share) -> str:
    """The words of both."""
    paper = client.get(path(share, "summary")).content
    return pdf_words(paper) + client.get(path(share, "fhir")).content.decode()


def own_page(seat: Enrollment, name: str, *args: object) -> str:
    member = Client()
    member.force_login(seat.member)
    here = reverse(f"practice:{name}", args=[seat.public_id, *args])
    return str(member.get(here).content.decode())


# --- The plan that was there before -------------------------------------------------------


@pytest.mark.parametrize("hidden_by", ["skipped", "before"])
def test_what_a_practitioner_never_saw_does_not_come_back_beside_a_suggestion(
    clock: Any, seat: Enrollment, hidden_by: str
) -> None:
    a_plan(seat, activity="See the lawyer")
    if hidden_by == "skipped":
        week_plans.skip_week(enrollment=seat, week=2, seen=1, now=IN_WEEK_2)
    revision = WeekPlan.objects.get().revision
    first = a_share(seat, to=a_practitioner())
    proposal = a_proposal(first, kind="activity", text="Peel potatoes", way="")
    proposals.decide(
        enrollment=seat, public_id=proposal.public_id, accept=True, seen=revision, now=IN_WEEK_2
    )
    later = a_share(seat, to=a_practitioner(), name="Ana Diaz")
    for share in (first, later):
        client = let_in(share.practitioner)
        words = page(client, share, "plan")
        assert "Peel potatoes" in words
        assert "lawyer" not in words
        assert "lawyer" not in copies(client, share)
    assert "in place of: See the lawyer" in own_page(seat, "week", 2)


@pytest.mark.parametrize("part", [Part.PLAN, Part.GOALS])
def test_of_a_skipped_week_a_copy_tells_that_it_was_and_no_word(
    clock: Any, seat: Enrollment, part: str
) -> None:
    a_plan(seat, activity="See the lawyer", when="On Friday", tool="A folder", outcome="partly")
    revision = WeekPlan.objects.get().revision
    week_plans.skip_week(enrollment=seat, week=2, seen=revision, now=IN_WEEK_2)
    share = a_share(seat, to=a_practitioner(), parts=[part])
    client = let_in(share.practitioner)
    if part == Part.PLAN:
        assert "Left out this week." in page(client, share, "plan")
        [week] = one_of(fhir.bundle_for(share=share, now=IN_WEEK_2), "CarePlan")["activity"]
        assert week == {"detail": {"status": "cancelled", "description": "Week 2"}}
    for hidden in ("lawyer", "Friday", "folder"):
        assert hidden not in copies(client, share)
    mine = own_practice(member=seat.member, public_id=seat.public_id, now=IN_WEEK_2)
    assert "See the lawyer" in fhir.own_bundle(practice=mine)


def one_of(bundle: str, kind: str) -> dict[str, Any]:
    found = [entry["resource"] for entry in json.loads(bundle)["entry"]]
    return next(one for one in found if one["resourceType"] == kind)


def test_a_copy_names_no_date_but_the_days_of_its_consent(clock: Any, seat: Enrollment) -> None:
    a_plan(seat)
    lived.rates(a_goal(seat), 1, -1, "Together")
    for day in (14, 15):
        a_card(seat, dt.date(2026, 10, day), after=3)
    text = fhir.bundle_for(share=a_share(seat), now=IN_WEEK_2)
    found = json.loads(text)
    assert found.pop("timestamp") == "2026-10-14T16:00:00Z"  # when the copy was made
    dates = re.findall(r"\d{4}-\d\d-\d\d[T0-9:.Z+-]*", json.dumps(found))
    # Signed, and its two ends: the day that was chosen is the last.
    assert sorted(dates) == ["2026-10-14", "2026-10-14", "2027-01-31"]
    rated, week = (
        entry["resource"]["component"]
        for entry in found["entry"]
        if entry["resource"]["resourceType"] == "Observation"
    )
    assert rated == [{"code": {"text": "Week"}, "valueInteger": 1}]
    assert week[0] == {"code": {"text": "Week"}, "valueInteger": 2}


# --- Who is meant -----------------------------------------------------------------------


def test_of_two_with_one_name_only_who_works_on_it_reads_that_it_is_them(
    clock: Any, seat: Enrollment
) -> None:
    one, two = a_practitioner(), a_practitioner()
    first, second = a_share(seat, to=one), a_share(seat, to=two)
    sharing.work_on(enrollment=seat, chosen={a_goal(seat).public_id: first})
    words = {
        share.pk: page(let_in(share.practitioner), share, "goals") for share in (first, second)
    }
    assert all("works on this with Sam Ortiz" in shown for shown in words.values())
    assert ("(you)" in words[first.pk], "(you)" in words[second.pk]) == (True, False)


# --- After the member left ----------------------------------------------------------------


def test_no_week_is_listed_that_began_after_the_member_left(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    goal, left = a_goal(seat), IN_WEEK_2 + HOUR
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=left)
    clock.shift(dt.timedelta(weeks=3))
    now = IN_WEEK_2 + dt.timedelta(weeks=3)
    a_plan(seat, 4, activity="Of a later week")
    lived.a_card(seat, dt.date(2026, 10, 29), now=now)
    client = let_in(reader)
    for part in (Part.PLAN, Part.DIARY, Part.ATTENDANCE):
        words = page(client, share, part)
        assert [f"Week {n}" in words for n in (1, 2, 3, 4, 5)] == [True, True, False, False, False]
    assert "later week" not in copies(client, share)
    comment = {"week": "4", "kind": "comment", "text": "Late", "key": str(uuid.uuid4())}
    assert client.post(path(share, "plan"), comment).status_code == 422
    assert not Proposal.objects.exists()
    typed = {"goal": str(goal.public_id), "week": "4", "level": "1", "seen": "0", "goal_seen": "1"}
    client.post(path(share, "goals"), {**typed, "rate": "1"})
    assert not GoalRating.objects.exists()
    assert "Week 4" in own_page(seat, "hub")  # what is the member's own goes on
