"""A practitioner takes back what they wrote to a plan: its words are gone, and that it was taken
back can be read. What was answered stays."""

import datetime as dt
import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import exports
from accounts.models import User
from enrollment.models import Enrollment
from practice import proposals, sharing
from practice.models import Proposal, Share, WeekPlan
from practice.proposals import ANSWERED, GONE, NotPossible
from practice.shared_paper import draw_shared
from tests.enrollment.pages import said
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import (
    a_choice,
    a_plan,
    a_practitioner,
    a_proposal,
    a_share,
    a_signature,
    let_in,
)
from tests.practice.test_care_copies import pdf_words

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)
KINDS = {"comment": "", "adaptation": "task", "activity": ""}
each_kind = pytest.mark.parametrize(("kind", "way"), KINDS.items())


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(IN_WEEK_2, tick=False) as traveller:
        yield traveller


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


@pytest.fixture
def reader() -> User:
    return a_practitioner()


@pytest.fixture
def share(seat: Enrollment, reader: User) -> Share:
    return a_share(seat, to=reader)


@pytest.fixture
def member(seat: Enrollment) -> Client:
    client = Client()
    client.force_login(seat.member)
    return client


def plan_of(share: Share) -> str:
    return reverse("practice:care_plan", args=[share.public_id])


def take_back(proposal: Proposal, share: Share, now: dt.datetime = IN_WEEK_2) -> None:
    proposals.take_back(
        public_id=share.public_id,
        reader=share.practitioner,
        proposal=proposal.public_id,
        now=now,
    )


def stored(proposal: Proposal) -> tuple[str, dt.datetime | None, dict[str, Any]]:
    proposal.refresh_from_db()
    return proposal.state, proposal.decided_at, proposal.content


@each_kind
def test_it_is_taken_back_by_a_button_on_the_page_and_both_read_one_line(
    clock: Any, seat: Enrollment, share: Share, member: Client, kind: str, way: str
) -> None:
    proposal = a_proposal(share, kind=kind, way=way, text="Meant for another")
    client = let_in(share.practitioner)
    page = client.get(plan_of(share)).content.decode()
    button = f'name="take_back" value="{proposal.public_id}"'
    assert page.count(button) == 1
    clock.shift(2 * MINUTE)
    answer = client.post(plan_of(share), {"take_back": str(proposal.public_id)})
    assert answer["Location"] == plan_of(share)
    nothing = {"text": "", "way": "", "instead_of": ""}
    assert stored(proposal) == ("taken_back", IN_WEEK_2 + 2 * MINUTE, nothing)
    page = client.get(plan_of(share)).content.decode()
    assert button not in page
    assert "Taken back on Wednesday, October 14, 12:02 PM Eastern." in page
    line = (
        "On Wednesday, October 14, 12:02 PM Eastern, Sam Ortiz took back something they wrote about"
    )
    where = [seat.public_id]
    for name, args in (("sharing", where), ("week", [*where, 2])):
        words = said(member.get(reverse(f"practice:{name}", args=args)))
        assert f"{line} week 2." in words
        assert "Meant for another" not in words
        assert "Look at it and answer" not in words
    hub = said(member.get(reverse("practice:hub", args=where)))
    assert "Sam Ortiz" not in hub


def test_twice_is_once(seat: Enrollment, share: Share) -> None:
    proposal = a_proposal(share)
    for minutes in range(2):
        take_back(proposal, share, IN_WEEK_2 + minutes * MINUTE)
    assert stored(proposal)[:2] == ("taken_back", IN_WEEK_2)
    answer = let_in(share.practitioner).post(
        plan_of(share), {"take_back": str(proposal.public_id)}, follow=True
    )
    assert "It is taken back, and its words are erased." in said(answer)


@pytest.mark.parametrize("accept", [True, False])
def test_what_was_answered_stays(seat: Enrollment, share: Share, accept: bool) -> None:
    a_plan(seat)
    proposal = a_proposal(share)
    client = let_in(share.practitioner)
    proposals.decide(
        enrollment=seat, public_id=proposal.public_id, accept=accept, seen=1, now=IN_WEEK_2
    )
    before = stored(proposal)
    with pytest.raises(NotPossible, match="answered already"):
        take_back(proposal, share)
    sent = {"take_back": str(proposal.public_id)}
    answer = client.post(plan_of(share), sent, follow=True)
    assert ANSWERED in said(answer)
    assert 'name="take_back"' not in answer.content.decode()
    assert stored(proposal) == before


@pytest.mark.parametrize("act", ["accept", "decline"])
def test_an_open_page_of_the_member_is_told_that_it_was_taken_back(
    seat: Enrollment, share: Share, member: Client, act: str
) -> None:
    a_plan(seat)
    proposal = a_proposal(share)
    here = reverse("practice:proposal", args=[seat.public_id, proposal.public_id])
    assert member.get(here).status_code == 200
    take_back(proposal, share)
    answer = member.post(here, {"seen": "1", act: "1"}, follow=True)
    words = said(answer)
    assert GONE in words
    assert "Sam Ortiz took back something they wrote about week 2." in words
    assert 'name="accept"' not in answer.content.decode()
    assert stored(proposal)[0] == "taken_back"
    assert WeekPlan.objects.get().revision == 1


def test_only_whoever_wrote_it_takes_it_back(seat: Enrollment, share: Share) -> None:
    proposal = a_proposal(share)
    colleague = a_share(seat, to=a_practitioner(), name="Ana Diaz")
    elsewhere = a_share(a_practising_member(), to=share.practitioner)
    client = let_in(colleague.practitioner)
    page = client.get(plan_of(colleague)).content.decode()
    assert "Sit on a stool" in page
    assert 'name="take_back"' not in page
    for other, who in ((colleague, client), (elsewhere, let_in(share.practitioner))):
        for which in (proposal.public_id, uuid.uuid4(), "no", ""):
            assert who.post(plan_of(other), {"take_back": str(which)}).status_code == 404
        with pytest.raises(Proposal.DoesNotExist):
            take_back(proposal, other)
    goals_only = a_share(seat, to=a_practitioner(), parts=["goals"])
    sent = let_in(goals_only.practitioner).post(
        plan_of(goals_only), {"take_back": str(proposal.public_id)}
    )
    assert sent.status_code == 404
    with pytest.raises(Share.DoesNotExist):
        take_back(proposal, goals_only)
    assert stored(proposal)[0] == "open"


def test_a_colleague_reads_that_it_was_taken_back_and_by_whom(
    seat: Enrollment, share: Share
) -> None:
    colleague = a_share(seat, to=a_practitioner(), name="Ana Diaz")
    take_back(a_proposal(share), share)
    words = said(let_in(colleague.practitioner).get(plan_of(colleague)))
    assert "Sam Ortiz took back something they wrote about week 2." in words
    assert "Taken back on" not in words


def test_after_a_change_of_the_consent_it_can_still_be_taken_back(
    seat: Enrollment, share: Share
) -> None:
    proposal = a_proposal(share)
    choice = a_choice(email="", parts=["plan", "goals"])
    new = sharing.change(share=share, choice=choice, signature=a_signature(), now=IN_WEEK_2)
    with pytest.raises(Share.DoesNotExist):
        take_back(proposal, share)
    take_back(proposal, new)
    assert stored(proposal)[0] == "taken_back"


def test_by_a_consent_that_has_ended_nothing_is_taken_back(seat: Enrollment, share: Share) -> None:
    proposal = a_proposal(share)
    sharing.withdraw(share=share, now=IN_WEEK_2)
    sent = {"take_back": str(proposal.public_id)}
    assert let_in(share.practitioner).post(plan_of(share), sent).status_code == 404
    assert stored(proposal)[0] == "open"


def test_it_does_not_count_among_the_ten_of_a_week(seat: Enrollment, share: Share) -> None:
    first, *_ = [a_proposal(share, kind="comment", way="") for _ in range(10)]
    with pytest.raises(NotPossible, match="ten things"):
        a_proposal(share)
    take_back(first, share)
    a_proposal(share)
    with pytest.raises(NotPossible, match="ten things"):
        a_proposal(share)


def test_writing_and_taking_back_comes_to_an_end(seat: Enrollment, share: Share) -> None:
    # Each leaves a line at the member.
    for _ in range(13):
        take_back(a_proposal(share, kind="comment", way=""), share)
    with pytest.raises(NotPossible, match="ten things"):
        a_proposal(share)
    assert Proposal.objects.count() == 13
    a_proposal(share, week=1)  # another week has room


def test_the_form_that_sent_it_can_send_it_anew_and_says_so_first(
    seat: Enrollment, share: Share
) -> None:
    client, key = let_in(share.practitioner), str(uuid.uuid4())
    typed = {"week": "2", "kind": "comment", "text": "For them after all", "key": key}
    client.post(plan_of(share), typed)
    take_back(Proposal.objects.get(), share)
    answer = client.post(plan_of(share), typed)  # back in the browser, and pressed again
    assert answer.status_code == 422
    words = answer.content.decode()
    assert "You took this back." in words
    assert "For them after all" in words
    again = answer.context["form"]["key"].value()
    client.post(plan_of(share), {**typed, "key": again})
    assert list(Proposal.objects.values_list("state", flat=True)) == ["taken_back", "open"]


def test_the_files_say_nothing_of_it_to_others_and_the_member_when_it_was(
    seat: Enrollment, share: Share
) -> None:
    a_proposal(share, text="It stands")
    take_back(a_proposal(share, kind="comment", way="", text="Meant for another"), share)
    paper = draw_shared(share=share, now=IN_WEEK_2)
    words = pdf_words(paper)
    assert "It stands" in words
    assert "Comment" not in words
    packed = exports.archive(person=seat.member, practice_name="A", now=IN_WEEK_2)
    rows = json.loads(zipfile.ZipFile(io.BytesIO(packed)).read("practice.json"))["proposals"]
    assert [(row["state"], row["content"]["text"]) for row in rows] == [
        ("open", "It stands"),
        ("taken_back", ""),
    ]


def test_what_no_key_opens_can_be_taken_back_too(seat: Enrollment, share: Share) -> None:
    proposal = a_proposal(share)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE practice_proposal SET content = 'no key opens this'")
    take_back(proposal, share)
    assert stored(proposal)[0] == "taken_back"
