"""Where somebody reads the name of a skill, a plain sentence says what it is; and where not."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from enrollment.models import Enrollment
from sessions.curriculum import DEFAULT_WEEKS
from tests.enrollment.builders import FIRST_SESSION, HOUR, MINUTE, a_member
from tests.enrollment.pages import said, words_of
from tests.practice.builders import a_practising_member
from tests.practice.sharing import a_card, a_plan, a_practitioner, a_share, let_in
from tests.practice.test_care_copies import pdf_words
from tests.sessions.factories import a_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

WEEK_1, WEEK_2 = (week.skills for week in DEFAULT_WEEKS[:2])
STOP = WEEK_2["STOP"]


@pytest.fixture
def seat(client: Client) -> Enrollment:
    enrollment = a_practising_member(display_name="Robin")
    client.force_login(enrollment.member)
    return enrollment


def page(client: Client, seat: Enrollment, name: str, *args: Any) -> Any:
    return client.get(reverse(name, args=[seat.public_id, *args]))


def html(response: Any) -> str:
    return str(response.content.decode())


def follow_another_text(seat: Enrollment, **week_2: Any) -> None:
    weeks = {n: {"skills": [f"Skill {n}"]} for n in range(1, 13)} | {2: week_2}
    a_version(seat.cohort.programme, at=FIRST_SESSION - HOUR, weeks=weeks)


# --- Where it is said -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["practice:hub", "enrollment:my_group"])
def test_below_each_skill_of_the_week_stands_what_it_is(
    name: str, client: Client, seat: Enrollment
) -> None:
    words = said(page(client, seat, name))
    assert " ".join(f"{skill} {words}" for skill, words in WEEK_2.items()) in words
    assert WEEK_1["Wise mind"] not in words


def test_who_chooses_a_skill_for_their_week_reads_what_each_is(
    client: Client, seat: Enrollment
) -> None:
    shown = page(client, seat, "practice:week", 2)
    assert " ".join(f"{skill} {words}" for skill, words in WEEK_2.items()) in said(shown)
    # Heard with its button, after its name.
    assert 'aria-describedby="id_skill_0_is"' in html(shown)
    assert f'<p class="fine" id="id_skill_0_is">{STOP}</p>' in html(shown)
    assert html(shown).count('class="choice__words"') == 3


def test_a_chosen_skill_of_an_earlier_text_has_no_sentence_that_is_not_its_own(
    client: Client, seat: Enrollment
) -> None:
    a_plan(seat)
    follow_another_text(seat, skills=["Pausing"], explained={"Pausing": "Waiting a little."})
    shown = html(client.get(reverse("practice:week", args=[seat.public_id, 2]) + "?change"))
    assert 'id="id_skill_0_is">Waiting a little.</p>' in shown
    assert '<label for="id_skill_1">STOP</label>' in shown
    assert "id_skill_1_is" not in shown


@pytest.mark.parametrize(("name", "args"), [("diary", ()), ("diary_day", (dt.date(2026, 10, 14),))])
def test_the_diary_card_shows_names_and_folds_what_they_are(
    name: str, args: tuple[dt.date, ...], client: Client, seat: Enrollment
) -> None:
    shown = html(page(client, seat, f"practice:{name}", *args))
    before, folded = shown.split("<summary>What were these?</summary>")
    folded = words_of(folded.split("</details>")[0])
    assert folded == " ".join(f"{skill} {words}" for skill, words in WEEK_2.items())
    assert STOP not in before
    assert before.rstrip().endswith('<details class="fold">')
    # Of the week; earlier weeks' are folded away already.
    assert WEEK_1["Wise mind"] not in shown


def test_a_day_of_an_earlier_week_says_what_that_weeks_skills_are(
    client: Client, seat: Enrollment
) -> None:
    shown = html(page(client, seat, "practice:diary_day", dt.date(2026, 10, 8)))
    assert WEEK_1["Wise mind"] in shown
    assert STOP not in shown


def test_where_nobody_explained_anything_only_the_names_stand(
    client: Client, seat: Enrollment
) -> None:
    follow_another_text(seat, skills=["STOP", "Pros and cons"])
    for name, args in (("hub", ()), ("week", (2,)), ("diary", ())):
        shown = html(page(client, seat, f"practice:{name}", *args))
        assert "Pros and cons" in shown
        assert ("What were these?" in shown, "_is" in shown) == (False, False)


def test_what_an_admin_typed_is_shown_as_text(client: Client, seat: Enrollment) -> None:
    follow_another_text(seat, skills=["A <b>", "B"], explained={"A <b>": "Wait & <i>see</i>."})
    for name, args in (("hub", ()), ("week", (2,)), ("diary", ())):
        shown = html(page(client, seat, f"practice:{name}", *args))
        assert "Wait &amp; &lt;i&gt;see&lt;/i&gt;." in shown
        assert ("<i>see" in shown, "A <b>" in shown) == (False, False)


def test_below_the_skill_of_a_plan_stands_what_it_is(client: Client, seat: Enrollment) -> None:
    a_plan(seat, 1, skill="Wise mind")
    a_plan(seat, 2, skill="One of my own")
    assert f"Skill Wise mind {WEEK_1['Wise mind']} What" in said(
        page(client, seat, "practice:week", 1)
    )
    assert "Skill One of my own What" in said(page(client, seat, "practice:week", 2))


def test_a_practitioner_reads_what_the_chosen_skill_is(seat: Enrollment) -> None:
    a_plan(seat, 1, skill="Wise mind", when="STOP")
    a_plan(seat, 2)
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    words = said(let_in(reader).get(reverse("practice:care_plan", args=[share.public_id])))
    assert f"Skill STOP {STOP} What" in words
    assert f"Skill Wise mind {WEEK_1['Wise mind']} What" in words
    assert (words.count(STOP), WEEK_2["Pros and cons"] in words) == (1, False)


# --- Where it is not --------------------------------------------------------------------


def test_nothing_of_it_leaves_with_a_copy(seat: Enrollment) -> None:
    a_plan(seat)
    a_card(seat, dt.date(2026, 10, 14))
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    client = let_in(reader)
    fhir = client.get(reverse("practice:care_fhir", args=[share.public_id]))
    paper = client.get(reverse("practice:care_summary", args=[share.public_id]))
    assert "STOP" in fhir.content.decode()
    assert STOP not in fhir.content.decode()
    assert "STOP" in pdf_words(paper.content)
    assert STOP[:30] not in pdf_words(paper.content)


def test_the_desk_and_the_public_page_of_a_group_name_skills_only(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    leader = a_member(role=Role.FACILITATOR)
    seat.cohort.facilitators.add(leader)
    clock.move_to(FIRST_SESSION - 30 * MINUTE)
    client.force_login(leader)
    for path in (reverse("enrollment:desk"), seat.cohort.get_absolute_url()):
        words = said(client.get(path))
        assert "Wise mind" in words
        assert WEEK_1["Wise mind"] not in words
