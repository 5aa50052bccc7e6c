"""What a practitioner takes along: the parts of their consent, by the same gate as the pages, and
each copy in the member's log."""

import datetime as dt
import json
from typing import Any

import pypdfium2
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from fhir.resources.R4B.bundle import Bundle

from accounts import audit
from accounts.models import Action, AuditEntry
from enrollment.models import Enrollment
from practice import aiming, sharing
from practice.goals import Aim
from practice.models import Part, Share
from tests.enrollment.builders import HOUR
from tests.enrollment.pages import said
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
    looks,
)
from tests.practice.test_care import SET_UP

pytestmark = pytest.mark.django_db

COPIES = ("care_fhir", "care_summary")


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Group name")


def path(share: Share, copy: str) -> str:
    return reverse(f"practice:{copy}", args=[share.public_id])


def pdf_words(content: bytes) -> str:
    with pypdfium2.PdfDocument(content) as document:
        pages = [document[at].get_textpage().get_text_range() for at in range(len(document))]
    return " ".join(" ".join(pages).split())


def written(seat: Enrollment) -> None:
    """Something in each part, and what is in none."""
    a_plan(seat, outcome="partly", outcome_words="It was fine")
    a_plan(seat, week=3, activity="Of a week ahead")
    a_card(seat, dt.date(2026, 10, 14), activity="Secretly baking")
    ended = lived.a_goal(seat, Aim(title="A goal of before", levels=("", "1", "2", "3", "")))
    aiming.end_goal(goal=ended, seen=1, now=IN_WEEK_2)
    lived.rates(a_goal(seat), 1, -1, "Beside it")


# Of each part, what it alone shows.
SHOWN = {
    Part.PLAN: ("Open the post", "Tuesday at the table", "A timer", "6 of 10", "Partly"),
    Part.DIARY: ("STOP (1)",),
    Part.GOALS: ("Cook at home", "Three times", "a little less than expected", "Beside it"),
    Part.ATTENDANCE: ("Not noted",),
}
NEVER = (
    "secret",
    "baking",
    "It was fine",
    "Of a week ahead",
    "A goal of before",
    "Group name",
    "October 14, 2",
)


@pytest.mark.parametrize("part", Part)
def test_the_paper_has_the_parts_of_the_share_alone(
    clock: Any, seat: Enrollment, part: Part
) -> None:
    written(seat)
    reader = a_practitioner()
    share = a_share(seat, to=reader, parts=[part])
    answer = let_in(reader).get(path(share, "care_summary"))
    assert answer["Content-Type"] == "application/pdf"
    words = pdf_words(answer.content)
    assert "Robin Lee. Shared until January 31, 2027." in words
    for other, shown in SHOWN.items():
        assert [one in words for one in shown] == [other == part] * len(shown)
    for hidden in NEVER:
        assert hidden.lower() not in words.lower().replace("as of wednesday, october 14, 2026", "")


def test_all_parts_and_a_suggestion_are_on_one_paper(clock: Any, seat: Enrollment) -> None:
    written(seat)
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    a_proposal(share)
    answer = let_in(reader).get(path(share, "care_summary"))
    words = pdf_words(answer.content)
    assert all(one in words for shown in SHOWN.values() for one in shown)
    assert "A way to make it easier, by Sam Ortiz: Sit on a stool" in words
    assert "All goals together, as a T-score: 40 at week 1. 50 is what was expected." in words


def test_with_nothing_written_and_with_long_words_there_is_a_paper(
    clock: Any, seat: Enrollment
) -> None:
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    client = let_in(reader)
    words = pdf_words(client.get(path(share, "care_summary")).content)
    assert "No plan for this week." in words
    assert "No goals at the moment." in words
    long = "long words " * 90
    for week in (1, 2):
        a_plan(seat, week, activity=long, task=long, tool=long)
    for _ in range(3):
        goal = lived.a_goal(seat, Aim(title="W" * 150, levels=("a " * 150,) * 5))
        lived.rates(goal, 1, 0, "x" * 1000)
    answer = client.get(path(share, "care_summary"))
    with pypdfium2.PdfDocument(answer.content) as document:
        assert 2 < len(document) < 15


def test_the_fhir_file_is_valid_and_its_own_consent_alone(clock: Any, seat: Enrollment) -> None:
    written(seat)
    reader = a_practitioner()
    share, _ = a_share(seat, to=reader), a_share(seat, name="Lou Kim")
    answer = let_in(reader).get(path(share, "care_fhir"))
    assert answer["Content-Type"] == "application/fhir+json"
    text = answer.content.decode()
    Bundle.model_validate_json(text)
    found = [entry["resource"] for entry in json.loads(text)["entry"]]
    assert [one["id"] for one in found if one["resourceType"] == "Consent"] == [
        str(share.public_id)
    ]
    for hidden in (*NEVER[:-1], "Lou Kim", seat.member.email):
        assert hidden.lower() not in text.lower()


@pytest.mark.parametrize("copy", COPIES)
def test_each_copy_is_in_the_members_log(clock: Any, seat: Enrollment, copy: str) -> None:
    reader = a_practitioner()
    share, client = a_share(seat, to=reader), let_in(reader)
    for _ in range(2):
        answer = client.get(path(share, copy))
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        assert answer["Content-Disposition"].startswith("attachment")
    assert looks(Action.SHARED_TAKEN, share.public_id) == 2
    assert audit.check().flaw == ""
    member = Client()
    member.force_login(seat.member)
    words = said(member.get(reverse("practice:sharing", args=[seat.public_id])))
    assert words.count("Sam Ortiz downloaded a copy of what you share on Wednesday") == 2


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_asks_for_the_second_factor_and_for_a_consent_that_stands(
    clock: Any, seat: Enrollment, copy: str
) -> None:
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    client = Client()
    client.force_login(reader)
    assert client.get(path(share, copy))["Location"] == SET_UP
    other = let_in(a_practitioner())
    a_share(a_practising_member(), to=a_practitioner())
    assert other.get(path(share, copy)).status_code == 404
    assert let_in(seat.member).get(path(share, copy)).status_code == 404
    client = let_in(reader)
    clock.shift(dt.timedelta(minutes=31))
    assert client.get(path(share, copy)).status_code == 200
    clock.shift(dt.timedelta(minutes=31))  # idle, as one who reads
    assert "/accounts/" in client.get(path(share, copy))["Location"]
    client = let_in(reader)
    sharing.withdraw(share=share, now=IN_WEEK_2 + HOUR)
    assert client.get(path(share, copy)).status_code == 404
    assert looks(Action.SHARED_TAKEN, share.public_id) == 1


@pytest.mark.parametrize("copy", COPIES)
def test_what_cannot_be_written_down_is_not_taken(
    clock: Any, seat: Enrollment, copy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(seat)
    reader = a_practitioner()
    share, client = a_share(seat, to=reader), let_in(reader)

    def full(**given: object) -> None:
        raise RuntimeError("no room in the log")

    monkeypatch.setattr(audit, "record", full)
    client.raise_request_exception = False
    answer = client.get(path(share, copy))
    assert (answer.status_code, b"Open the post" in answer.content) == (500, False)
    assert not AuditEntry.objects.exists()


def test_the_overview_leads_to_both(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    here = reverse("practice:care_overview", args=[share.public_id])
    words = let_in(reader).get(here).content.decode()
    for copy in COPIES:
        assert f'href="{path(share, copy)}"' in words


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_asks_as_much_with_many_rows_as_with_few(
    clock: Any, seat: Enrollment, copy: str
) -> None:
    reader = a_practitioner()
    share, client = a_share(seat, to=reader), let_in(reader)
    written(seat)
    a_proposal(share)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path(share, copy)).status_code == 200
        return len(asked)

    queries()
    few = queries()
    for week in range(4, 13):
        a_plan(seat, week)
        a_card(seat, dt.date(2026, 10, 6) + dt.timedelta(days=week - 3))
    for _ in range(2):
        lived.rates(a_goal(seat), 1, 0)
    assert queries() == few
