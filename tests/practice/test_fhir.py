"""The plan for a clinic's system: valid FHIR R4, and nothing in it that the reader may not see."""

import datetime as dt
import json
import traceback
import zoneinfo
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Role, User
from enrollment.models import Enrollment
from practice import aiming, fhir, fhir_observed, fhir_parts, fhir_values
from practice.fhir import NotFhir, NotShared, bundle_for
from practice.goals import Aim
from practice.models import DiaryEntry, Goal, GoalRating, Part, Share, WeekPlan
from practice.own import OwnPractice, own_practice
from practice.sharing import Names
from tests.accounts.people import make_person, prove
from tests.enrollment.builders import HOUR, NOW
from tests.practice import lived
from tests.practice.builders import IN_WEEK_2, a_practising_member

pytestmark = pytest.mark.django_db

AIM = Aim(
    title="Cook for myself",
    levels=("Never", "Once a week", "Twice a week", "Every other day", "Daily"),
)
# What R4 allows there.
STATUS = {
    "CarePlan": {"active", "completed"},
    "Goal": {"active", "completed"},
    "Observation": {"final"},
    "Consent": {"active", "inactive"},
}
ACTIVITY = {"not-started", "scheduled", "in-progress", "completed", "cancelled", "unknown"}


@pytest.fixture(autouse=True)
def week_2() -> Iterator[None]:
    with time_machine.travel(IN_WEEK_2, tick=False):
        yield


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Sam")


def a_full_plan(seat: Enrollment) -> Goal:
    """Saved as the pages save it; with a goal that was ended, and a week ahead."""
    lived.a_plan(
        seat,
        1,
        skill="Wise mind",
        activity="Cooking",
        when="Tuesday evening, in the kitchen",
        tool="A timer",
        sure=8,
        outcome="partly",
        outcome_words="My secret words",
    )
    lived.a_plan(seat, 2, activity="The bus", area="leisure", sure=7)
    lived.a_plan(seat, 3, activity="Of a week ahead", skipped=True)
    lived.a_card(seat, 1, activity="Mail", note="Canary")
    lived.a_card(seat, 2, skills=(), before=None, after=None, note="Only a note")
    lived.a_card(seat, 8, before=8, after=5)
    ended = lived.a_goal(seat, Aim(title="A goal of before", levels=("", "1", "2", "3", "")))
    aiming.end_goal(goal=ended, seen=1, now=NOW + HOUR)
    goal = lived.a_goal(seat, AIM)
    for week, level in ((1, -2), (4, -1)):
        lived.rates(goal, week, level, "Beside it" if week == 1 else "")
    return goal


def a_share(seat: Enrollment, *chosen: Part, name: str = "Ana Diaz") -> Share:
    practitioner = make_person(
        f"{name.split()[0]}@example.org", role=Role.PRACTITIONER, display_name="Of the account"
    )
    return Share.objects.create(
        enrollment=seat,
        practitioner=practitioner,
        role="ot",
        parts=list(chosen),
        content=Names(name=name, signature="Robin Lee").dump(),
        terms_version=1,
        signed_at=NOW,
        ends_at=NOW + dt.timedelta(days=90),
    )


def of_kind(text: str, kind: str) -> list[dict[str, Any]]:
    found = [entry["resource"] for entry in json.loads(text)["entry"]]
    return [one for one in found if one["resourceType"] == kind]


def own(seat: Enrollment) -> str:
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=IN_WEEK_2)
    return fhir.own_bundle(practice=practice)


def kinds(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in json.loads(text)["entry"]:
        kind = entry["resource"]["resourceType"]
        found[kind] = found.get(kind, 0) + 1
    return found


def test_everything_of_mine_is_valid_and_there(seat: Enrollment, client: Client) -> None:
    goal = a_full_plan(seat)
    a_share(seat, Part.PLAN, Part.ATTENDANCE)
    prove(client, seat.member)
    answer = client.get(reverse("practice:plan_fhir", args=[seat.public_id]))
    assert answer["Content-Type"] == "application/fhir+json"
    assert "no-store" in answer["Cache-Control"]
    text = answer.content.decode()
    bundle = Bundle.model_validate_json(text)
    assert (bundle.type, len(bundle.entry or [])) == ("collection", 10)
    assert kinds(text) == {"Patient": 1, "Goal": 2, "Observation": 5, "CarePlan": 1, "Consent": 1}
    [plan] = of_kind(text, "CarePlan")
    assert plan["period"] == {"start": "2026-10-06", "end": "2027-01-18"}
    assert {"reference": f"urn:uuid:{goal.public_id}"} in plan["goal"]
    first, second, third = plan["activity"]
    assert first["detail"] == {
        "status": "completed",
        "code": {"text": "Wise mind"},
        "scheduledString": "Tuesday evening, in the kitchen",
        "description": "Week 1. Cooking. Area: Home. Something that helps: A timer. "
        "How sure: 8 of 10",
    }
    assert first["outcomeCodeableConcept"] == [{"text": "Partly"}]
    assert first["progress"][0]["text"] == "My secret words"
    assert (second["detail"]["status"], third["detail"]["status"]) == ("in-progress", "cancelled")
    [found] = [one for one in of_kind(text, "Goal") if one["id"] == str(goal.public_id)]
    assert found["description"] == {"text": "Cook for myself"}
    assert found["target"][0]["detailString"] == "Twice a week"
    assert [note["text"] for note in found["note"]] == [
        "-2: Never",
        "-1: Once a week",
        "0: Twice a week",
        "+1: Every other day",
        "+2: Daily",
    ]
    assert found["achievementStatus"]["coding"][0]["code"] == "improving"
    noted = [one for one in of_kind(text, "Observation") if one["code"]["text"].startswith("Str")]
    assert noted[0]["effectiveDateTime"] == "2026-10-07"
    assert noted[0]["component"] == [
        {"code": {"text": "Before"}, "valueInteger": 7},
        {"code": {"text": "After"}, "valueInteger": 4},
        {"code": {"text": "Skills tried"}, "valueString": "STOP"},
        {"code": {"text": "Activity"}, "valueString": "Mail"},
    ]
    assert [one["note"][0]["text"] for one in noted[:2]] == ["Canary", "Only a note"]
    rated = [one for one in of_kind(text, "Observation") if one["code"]["text"].startswith("Goal")]
    assert [one["valueInteger"] for one in rated] == [-2, -1]
    assert found["outcomeReference"] == [{"reference": f"urn:uuid:{one['id']}"} for one in rated]


def test_references_lead_to_what_is_in_it_and_statuses_are_those_of_r4(seat: Enrollment) -> None:
    a_full_plan(seat)
    a_share(seat, *Part)
    bundle = json.loads(own(seat))
    inside = {entry["fullUrl"] for entry in bundle["entry"]}
    text = json.dumps(bundle)
    assert all(f"urn:uuid:{e['resource']['id']}" == e["fullUrl"] for e in bundle["entry"])
    named = {part.split('"')[0] for part in text.split('"reference": "')[1:]}
    assert named <= inside
    for entry in bundle["entry"]:
        one = entry["resource"]
        if one["resourceType"] in STATUS:
            status = one.get("status") or one["lifecycleStatus"]
            assert status in STATUS[one["resourceType"]]
    [plan] = of_kind(text, "CarePlan")
    assert {one["detail"]["status"] for one in plan["activity"]} <= ACTIVITY


EXPECTED = {
    Part.PLAN: {"Patient": 1, "CarePlan": 1, "Consent": 1},
    Part.DIARY: {"Patient": 1, "Observation": 2, "Consent": 1},
    Part.GOALS: {"Patient": 1, "Goal": 1, "Observation": 2, "Consent": 1},
    Part.ATTENDANCE: {"Patient": 1, "Consent": 1},
}
# Each stands in one part only, as the consent says.
SHOWN = {
    "A timer": Part.PLAN,
    "Cook for myself": Part.GOALS,
    "Beside it": Part.GOALS,
    "the averages of a week": Part.DIARY,
}


@pytest.mark.parametrize("part", Part)
def test_a_practitioner_gets_the_parts_of_their_share_alone(part: Part, seat: Enrollment) -> None:
    a_full_plan(seat)
    a_share(seat, *Part, name="Other Person")
    text = bundle_for(share=a_share(seat, part), now=IN_WEEK_2)
    Bundle.model_validate_json(text)
    assert kinds(text) == EXPECTED[part]
    hidden = (
        "Canary",
        "My secret words",
        "Only a note",
        "Mail",
        "2026-10-08",
        "of before",
        "of a week ahead",
    )
    for private in (*hidden, "Other Person", "Sam", seat.member.email):
        assert private.lower() not in text.lower()
    assert {words for words in SHOWN if words in text} == {
        words for words in SHOWN if SHOWN[words] == part
    }
    [patient] = of_kind(text, "Patient")
    assert patient["name"] == [{"use": "usual", "text": "Robin Lee"}]  # as they signed
    # A plan names goals only to who sees those.
    assert '"goal"' not in text


def test_of_the_diary_a_practitioner_gets_numbers_of_weeks(seat: Enrollment) -> None:
    lived.a_card(seat, 1, skills=["STOP", "TIP"], before=8, after=5)
    lived.a_card(seat, 2, before=8, after=5)
    text = bundle_for(share=a_share(seat, Part.DIARY), now=IN_WEEK_2)
    [week] = of_kind(text, "Observation")
    assert not {"effectivePeriod", "effectiveDateTime"} & week.keys()  # the page names no day
    assert week["component"] == [
        {"code": {"text": "Week"}, "valueInteger": 1},
        {"code": {"text": "Days with something noted"}, "valueInteger": 2},
        {"code": {"text": "Before"}, "valueQuantity": {"value": 8.0}},
        {"code": {"text": "After"}, "valueQuantity": {"value": 5.0}},
        {"code": {"text": "Skills tried, and days"}, "valueString": "STOP (2), TIP (1)"},
    ]


@pytest.mark.parametrize(
    ("outcome", "status"), [("done", "completed"), ("not", "not-started"), ("", "unknown")]
)
def test_a_week_is_what_its_member_said_of_it(outcome: str, status: str, seat: Enrollment) -> None:
    lived.a_plan(seat, 1, outcome=outcome)
    [plan] = of_kind(own(seat), "CarePlan")
    assert plan["activity"][0]["detail"]["status"] == status


def test_a_consent_says_who_what_and_until_when(seat: Enrollment) -> None:
    share = a_share(seat, Part.PLAN, Part.GOALS)
    [consent] = of_kind(bundle_for(share=share, now=IN_WEEK_2), "Consent")
    provision = consent["provision"]
    assert (consent["status"], consent["dateTime"]) == ("active", "2026-09-29")
    assert provision["period"] == {"start": "2026-09-29", "end": "2026-12-28"}
    assert provision["actor"][0]["reference"] == {"display": "Ana Diaz"}
    assert [one["code"] for one in provision["class"]] == ["CarePlan", "Goal", "Observation"]
    Share.objects.filter(pk=share.pk).update(withdrawn_at=NOW + dt.timedelta(days=1))
    [consent] = of_kind(own(seat), "Consent")
    assert (consent["status"], consent["dateTime"]) == ("inactive", "2026-09-29T15:00:00Z")
    assert consent["provision"]["period"]["end"] == "2026-09-30T15:00:00Z"


def test_a_consent_names_whom_it_is_with_as_the_member_wrote_them(seat: Enrollment) -> None:
    # The account's own name would tell whose an address is that somebody merely typed.
    share = a_share(seat, Part.PLAN)
    User.objects.filter(pk=share.practitioner_id).update(display_name="Victim Realname")
    named = {"Dr. Ana": "Dr. Ana", "": "Occupational therapist", None: "Occupational therapist"}
    for written, shown in named.items():
        Share.objects.filter(pk=share.pk).update(content={"name": written})
        text = own(seat)
        [consent] = of_kind(text, "Consent")
        assert consent["provision"]["actor"][0]["reference"] == {"display": shown}
        assert "Victim" not in text


@pytest.mark.parametrize("ends", ["withdrawn", "over"])
def test_a_share_that_ended_gives_nothing(ends: str, seat: Enrollment) -> None:
    share = a_share(seat, *Part)
    if ends == "withdrawn":
        share.withdrawn_at = NOW
    with pytest.raises(NotShared):
        bundle_for(share=share, now=share.ends_at if ends == "over" else IN_WEEK_2)


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ([0], "achieved"),
        ([-2, 1], "achieved"),
        ([-1], "in-progress"),
        ([-2, -1], "improving"),
        ([-1, -2], "worsening"),
        ([-1, -1], "no-change"),
        ([1, -1], "worsening"),
    ],
)
def test_achievement_follows_the_last_two_ratings(levels: list[int], code: str) -> None:
    assert fhir_parts._achievement(levels)["coding"][0]["code"] == code


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
keys = st.sampled_from(
    [
        *("skill", "activity", "area", "when", "task", "sure", "outcome", "outcome_words"),
        *("skills", "before", "after", "note", "title", "levels", "level"),
    ]
)


@given(content=st.dictionaries(keys, odd) | odd, own=st.booleans())
def test_whatever_was_stored_it_is_valid(content: Any, own: bool) -> None:
    """Without the database: rows as earlier or later versions may have written them."""
    seat, practitioner = Enrollment(member=User()), User()
    share = Share(
        enrollment=seat,
        practitioner=practitioner,
        role="ot",
        parts=["plan"],
        content=content,
        terms_version=1,
        signed_at=NOW,
        ends_at=IN_WEEK_2,
    )
    goal = Goal(enrollment=seat, slot=1, content=content, made_at=NOW, saved_at=NOW)
    rating = GoalRating(goal=goal, week=1, content=content, rated_at=NOW)
    entry = DiaryEntry(enrollment=seat, day=NOW.date(), content=content, saved_at=NOW)
    card = fhir_observed.card(seat, entry)
    plan = WeekPlan(enrollment=seat, week=1, content=content, saved_at=NOW)
    practice = OwnPractice(seat, [], zoneinfo.ZoneInfo("UTC"), NOW.date(), NOW)
    fhir._checked(
        [
            fhir_values.patient(seat, ""),
            fhir_parts.goal(seat, goal, [rating], own=own),
            fhir_observed.rating(seat, goal, rating, own=own),
            *([card] if card else []),
            fhir_parts.care_plan(practice, [plan], [goal], own=own),
            fhir_parts.consent(seat, share, NOW, days_in=None if own else practice.zone),
        ],
        NOW,
    )


def test_what_is_no_fhir_is_refused_without_its_words(seat: Enrollment) -> None:
    patient = fhir_values.patient(seat, "Canary")
    patient["name"] = [{"given": "Canary of the patient"}]
    observation = {**patient, "resourceType": "Observation", "note": {"text": "Canary of a note"}}
    with pytest.raises(NotFhir) as refused:
        fhir._checked([patient, observation], NOW)
    assert "given" in str(refused.value)
    logged = "".join(traceback.format_exception(refused.value))
    assert "Canary" not in logged
    assert "ValidationError" not in logged


@pytest.mark.parametrize(
    ("stored", "read"), [(0, 0), (-2, -2), (True, None), ("1", None), (10**12, None), (None, None)]
)
def test_a_number_is_one_of_its_scale_or_none(stored: Any, read: int | None) -> None:
    """R4's integers end at 32 bits, which the package does not look at."""
    rating = GoalRating(content={"level": stored})
    assert fhir_observed.level_of(rating) is read


def test_it_asks_no_more_with_more_rows(
    seat: Enrollment, client: Client, django_assert_max_num_queries: Any
) -> None:
    a_full_plan(seat)
    for week in range(4, 13):
        lived.a_plan(seat, week)
        lived.a_card(seat, 7 * week)
    prove(client, seat.member)
    with django_assert_max_num_queries(2 + 3 + 5):
        client.get(reverse("practice:plan_fhir", args=[seat.public_id]))
    share = a_share(seat, *Part)
    with django_assert_max_num_queries(3 + 4 + 1):
        bundle_for(share=share, now=IN_WEEK_2)
