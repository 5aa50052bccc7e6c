"""A practitioner presses a button after the member signed something else: nothing is saved by it,
nothing that was typed is lost, and nothing shows that is not shared any more."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Action, User
from enrollment.models import Enrollment
from practice import sharing
from practice.models import GoalRating, Part, Proposal, Share
from practice.views.gate import CHANGED, LATE
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import (
    ALL,
    a_choice,
    a_goal,
    a_plan,
    a_practitioner,
    a_proposal,
    a_share,
    a_signature,
    let_in,
    looks,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


@pytest.fixture
def reader() -> User:
    return a_practitioner()


@pytest.fixture
def client(reader: User) -> Client:
    return let_in(reader)


def path(share: Share, part: str = "overview") -> str:
    return reverse(f"practice:care_{part}", args=[share.public_id])


def signed_anew(share: Share, parts: tuple[str, ...] = ALL) -> Share:
    return sharing.change(
        share=share, choice=a_choice(parts=list(parts)), signature=a_signature(), now=IN_WEEK_2
    )


def words_to_the_plan(**fields: Any) -> dict[str, str]:
    key = str(uuid.uuid4())
    return {"week": "2", "kind": "comment", "text": "A long text", "way": "", "key": key, **fields}


def said(answer: Any) -> str:
    return str(answer.content.decode())


def key_on(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found
    return found[1]


def goes_to(page: str) -> set[str]:
    """Where the forms go: the page's own address is that of the earlier consent."""
    forms = re.findall(r"<form[^>]*>", page.split("<main")[1].split("</main")[0])
    return {found[1] if (found := re.search(r'action="([^"]+)"', one)) else "" for one in forms}


# --- The plan ---------------------------------------------------------------------------


def test_what_was_written_to_the_plan_comes_back_and_is_sent_by_another_press(
    seat: Enrollment, reader: User, client: Client
) -> None:
    old = a_share(seat, to=reader)
    new, typed = signed_anew(old), words_to_the_plan()
    answer = client.post(path(old, "plan"), typed)
    assert answer.status_code == 422
    assert LATE in said(answer)
    assert ">\nA long text</textarea>" in said(answer)
    assert "no-cache" in answer["Cache-Control"]
    assert not Proposal.objects.exists()
    # The page is that of what stands now, and so is the look.
    assert path(new) in said(answer)
    assert looks(Action.SHARED_PLAN_READ, old.public_id) == 0
    assert looks(Action.SHARED_PLAN_READ, new.public_id) == 1
    assert goes_to(said(answer)) == {path(new, "plan")}
    sent = client.post(path(new, "plan"), {**typed, "key": key_on(said(answer))})
    assert sent["Location"] == path(new, "plan")
    assert Proposal.objects.get().share == new


def test_another_mistake_is_said_with_it(seat: Enrollment, reader: User, client: Client) -> None:
    old = a_share(seat, to=reader)
    signed_anew(old)
    answer = client.post(path(old, "plan"), words_to_the_plan(kind="adaptation"))
    assert answer.status_code == 422
    assert LATE in said(answer)
    assert "Choose what would be made easier." in said(answer)
    assert "A long text" in said(answer)


def test_a_plan_that_is_not_shared_any_more_is_not_shown(
    seat: Enrollment, reader: User, client: Client
) -> None:
    a_plan(seat)
    old = a_share(seat, to=reader)
    new = signed_anew(old, ("goals",))
    answer = client.post(path(old, "plan"), words_to_the_plan(), follow=True)
    assert answer.redirect_chain == [(path(new), 302)]
    assert CHANGED in said(answer)
    assert "Open the post" not in said(answer)
    assert looks(Action.SHARED_PLAN_READ, new.public_id) == 0
    assert not Proposal.objects.exists()


def test_what_an_earlier_press_sent_is_not_sent_twice(
    seat: Enrollment, reader: User, client: Client
) -> None:
    old, typed = a_share(seat, to=reader), words_to_the_plan()
    client.post(path(old, "plan"), typed)
    new = signed_anew(old)
    answer = client.post(path(old, "plan"), typed)
    assert answer["Location"] == path(new, "plan")
    assert Proposal.objects.get().share == new


def test_what_was_written_is_taken_back_also_late(
    seat: Enrollment, reader: User, client: Client
) -> None:
    old = a_share(seat, to=reader)
    proposal = a_proposal(old)
    new = signed_anew(old)
    answer = client.post(path(old, "plan"), {"take_back": str(proposal.public_id)})
    assert answer["Location"] == path(new, "plan")
    proposal.refresh_from_db()
    assert proposal.state == Proposal.State.TAKEN_BACK


def test_nothing_is_taken_back_where_the_plan_is_not_shared_any_more(
    seat: Enrollment, reader: User, client: Client
) -> None:
    old = a_share(seat, to=reader)
    proposal = a_proposal(old)
    new = signed_anew(old, ("goals",))
    answer = client.post(path(old, "plan"), {"take_back": str(proposal.public_id)})
    assert answer["Location"] == path(new)
    proposal.refresh_from_db()
    assert proposal.state == Proposal.State.OPEN


# --- The goals --------------------------------------------------------------------------


def a_rating(goal: Any, **fields: Any) -> dict[str, str]:
    return {
        "goal": str(goal.public_id),
        "week": "1",
        "level": "1",
        "note": "A long note",
        "seen": "0",
        "goal_seen": str(goal.revision),
        "rate": "1",
        **fields,
    }


def test_a_rating_comes_back_with_its_note_and_is_saved_by_another_press(
    seat: Enrollment, reader: User, client: Client
) -> None:
    old, goal = a_share(seat, to=reader), a_goal(seat)
    new = signed_anew(old)
    answer = client.post(path(old, "goals"), a_rating(goal))
    assert answer.status_code == 422
    assert LATE in said(answer)
    assert ">\nA long note</textarea>" in said(answer)
    assert looks(Action.SHARED_GOALS_READ, new.public_id) == 1
    assert not GoalRating.objects.exists()
    assert goes_to(said(answer)) == {path(new, "goals")}
    client.post(path(new, "goals"), a_rating(goal))
    assert GoalRating.objects.get().content["note"] == "A long note"


def test_goals_that_are_not_shared_any_more_are_not_shown(
    seat: Enrollment, reader: User, client: Client
) -> None:
    old, goal = a_share(seat, to=reader), a_goal(seat)
    new = signed_anew(old, ("plan",))
    answer = client.post(path(old, "goals"), a_rating(goal), follow=True)
    assert answer.redirect_chain == [(path(new), 302)]
    assert CHANGED in said(answer)
    assert "Cook at home" not in said(answer)
    assert looks(Action.SHARED_GOALS_READ, new.public_id) == 0


def test_an_agreement_that_comes_late_is_not_noted(
    seat: Enrollment, reader: User, client: Client
) -> None:
    old, goal = a_share(seat, to=reader), a_goal(seat)
    new = signed_anew(old)
    typed = {"goal": str(goal.public_id), "agree": "1", "seen": str(goal.revision)}
    answer = client.post(path(old, "goals"), typed, follow=True)
    assert answer.redirect_chain == [(path(new, "goals"), 302)]
    assert CHANGED in said(answer)
    goal.refresh_from_db()
    assert goal.agreed_at is None


# --- For nobody else --------------------------------------------------------------------


@pytest.mark.parametrize("part", ["plan", "goals"])
def test_late_it_is_for_the_same_two_people_only(
    seat: Enrollment, reader: User, client: Client, part: str
) -> None:
    old, typed = a_share(seat, to=reader), words_to_the_plan()
    new = signed_anew(old)
    for somebody in (let_in(a_practitioner()), let_in(seat.member)):
        assert somebody.post(path(old, part), typed).status_code == 404
    bare = Client()
    bare.force_login(User.objects.create_user("another@clinic.example"))
    assert bare.post(path(old, part), typed).status_code == 404
    sharing.withdraw(share=new, now=IN_WEEK_2)
    assert client.post(path(old, part), typed).status_code == 404


@pytest.mark.parametrize("part", ["plan", "goals"])
def test_late_the_second_step_is_asked_for_too(seat: Enrollment, reader: User, part: str) -> None:
    old, bare = a_share(seat, to=reader), Client()
    signed_anew(old)
    bare.force_login(reader)
    answer = bare.post(path(old, part), words_to_the_plan())
    assert answer["Location"] == reverse("mfa_activate_totp")


@pytest.mark.parametrize("part", [Part.DIARY, Part.ATTENDANCE, "overview", "summary", "fhir"])
def test_a_page_without_a_form_takes_none(
    seat: Enrollment, reader: User, client: Client, part: str
) -> None:
    old = a_share(seat, to=reader)
    signed_anew(old)
    assert client.post(path(old, part), {}).status_code == 405
