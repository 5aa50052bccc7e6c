"""The pages on which admins write what the twelve weeks teach."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from sessions import editions
from sessions.editions import fingerprint
from sessions.models import Curriculum, CurriculumWeek
from tests.accounts.people import make_person, sign_in_with_factor
from tests.enrollment.builders import NOW, a_cohort
from tests.enrollment.pages import said
from tests.sessions.factories import a_version, default_programme

pytestmark = pytest.mark.django_db

SLUG = "dbt-skills-group"


@pytest.fixture(autouse=True)
def before_the_first_session() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def admin(client: Client) -> User:
    person = make_person("admin@example.org", role=Role.ADMIN, display_name="Rae")
    sign_in_with_factor(client, person)
    return person


@pytest.fixture
def draft(admin: User) -> Curriculum:
    return editions.start_draft(programme=default_programme())


def page(name: str, *args: Any) -> str:
    return reverse(f"enrollment:curriculum{name}", args=[SLUG, *args])


def typed(client: Client, path: str, **changes: Any) -> dict[str, Any]:
    """What the form of the page would send, with these changes."""
    fields = client.get(path).context["form"]
    sent = {name: fields[name].value() for name in fields.fields}
    lists = {name: "\n".join(v) for name, v in sent.items() if isinstance(v, list)}
    return {name: v or "" for name, v in {**sent, **lists, **changes}.items()}


def week(draft: Curriculum, number: int = 1) -> CurriculumWeek:
    return draft.weeks.get(number=number)


# --- Who ---------------------------------------------------------------------------------


def test_an_admin_without_the_second_factor_is_asked_for_it(client: Client) -> None:
    client.force_login(make_person(role=Role.ADMIN))
    answer = client.get("/curriculum/")
    assert (answer.status_code, "2fa" in answer["Location"]) == (302, True)


def test_the_plan_leads_there_for_admins_only(client: Client, admin: User) -> None:
    link = 'href="/curriculum/"'
    assert link in client.get("/plan/").content.decode()
    client.force_login(make_person("p@example.org", role=Role.FACILITATOR, may_plan=True))
    assert link not in client.get("/plan/").content.decode()


def test_djangos_admin_leads_there(client: Client, admin: User) -> None:
    programme = default_programme()
    answer = client.get(reverse("admin:group_sessions_programme_change", args=[programme.pk]))
    assert 'href="/curriculum/"' in answer.content.decode()


# --- A draft ----------------------------------------------------------------------------


def test_a_draft_is_started_with_one_press_and_found_again(client: Client, admin: User) -> None:
    a_cohort(name="Tuesdays")
    words = said(client.get("/curriculum/"))
    assert "Version 1 Published No licensed clinician has approved it yet." in re.sub(
        r" of DBT skills group", "", words
    )
    assert "Groups that follow it: Tuesdays, from October 6, 2026" in words
    for _ in range(2):
        assert client.post(page("_draft"))["Location"] == page("", 2)
    assert Curriculum.objects.filter(published_at=None).count() == 1
    assert "Start a new version" not in said(client.get("/curriculum/"))


def test_a_week_is_edited_and_what_differs_is_shown(client: Client, draft: Curriculum) -> None:
    path = page("_week", 2, 1)
    sent = typed(client, path, title="Our own words", home="Make the bed\n\n  Sort a drawer ")
    assert client.post(path, sent)["Location"] == page("", 2)
    assert week(draft).title == "Our own words"
    assert week(draft).activities["home"] == ["Make the bed", "Sort a drawer"]
    words = said(client.get(page("", 2)))
    assert "New title: Our own words" in words
    assert "Home, activity added: Make the bed" in words


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(client: Client, draft: Curriculum) -> None:
    path = page("_week", 2, 1)
    long, many = "x" * 201, "\n".join(str(number) for number in range(21))
    sent = typed(client, path, title="", skills=" ", home=long, work=many, rest="a\0b")
    answer = client.post(path, sent)
    words = said(answer)
    assert answer.status_code == 422
    assert "Give the week a title." in words
    assert "Name at least one skill." in words
    assert (
        "Use at most 200 characters in a line. “xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…” has 201." in words
    )
    assert "Write at most 20 lines. These are 21." in words
    assert "Take out the character that cannot be stored" in words
    assert long in answer.content.decode()
    assert week(draft).title != ""


def test_a_skill_is_typed_with_what_it_is_after_a_colon(client: Client, draft: Curriculum) -> None:
    path = page("_week", 2, 2)
    shown = typed(client, path)["skills"].splitlines()
    assert shown[0] == f"STOP: {week(draft, 2).explained['STOP']}"
    lines = "  STOP :  Stop: and look. \nWait:\nNo space:here\n\nRest: \u200b\nA: b: c"
    assert client.post(path, typed(client, path, skills=lines))["Location"] == page("", 2)
    stored = week(draft, 2)
    assert stored.skills == ["STOP", "Wait", "No space:here", "Rest", "A"]
    assert stored.explained == {"STOP": "Stop: and look.", "A": "b: c"}
    again = typed(client, path)["skills"]
    assert again == "STOP: Stop: and look.\nWait\nNo space:here\nRest\nA: b: c"
    words = said(client.get(page("", 2)))
    assert "STOP Stop: and look. Wait No space:here Rest A b: c" in words
    assert "What STOP is, in new words: Stop: and look." in words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (": Stop and look.", "Write the name of the skill before the colon in “: Stop and look.”."),
        (":", "Write the name of the skill before the colon in “:”."),
        (":x", "Write the name of the skill before the colon in “:x”."),
        (
            "n" * 81,
            f"Use at most 80 characters for the name of a skill. “{'n' * 30}…” has 81. What it is "
            "goes after a colon and a space.",
        ),
        (
            f"Wait: {'x' * 201}",
            "Use at most 200 characters to say what a skill is. The words about “Wait” have 201.",
        ),
        ("Stop: Once more.", "“Stop” is there twice. Take one of the two out."),
        ("a\0b: c", "Take out the character that cannot be stored, and try again."),
    ],
)
def test_a_line_that_cannot_be_a_skill_is_said_and_kept(
    line: str, words: str, client: Client, draft: Curriculum
) -> None:
    path = page("_week", 2, 2)
    before = week(draft, 2).explained
    answer = client.post(path, typed(client, path, skills=f"STOP: Stop.\n{line}\nLast: One."))
    assert answer.status_code == 422
    assert words in said(answer)
    assert answer.context["form"]["skills"].value() == f"STOP: Stop.\n{line}\nLast: One."
    assert week(draft, 2).explained == before


def test_the_longest_name_and_explanation_fit_and_all_that_is_wrong_is_said_at_once(
    client: Client, draft: Curriculum
) -> None:
    path = page("_week", 2, 2)
    longest = f"{'n' * 80}: {'x' * 200}"
    wrong = client.post(path, typed(client, path, skills=f"{longest}\n: a\n{longest}"))
    assert len(wrong.context["form"].errors["skills"]) == 2
    client.post(path, typed(client, path, skills=longest))
    assert week(draft, 2).explained == {"n" * 80: "x" * 200}


def test_who_saves_later_sees_both_explanations(client: Client, draft: Curriculum) -> None:
    path = page("_week", 2, 2)
    late = typed(client, path, skills="STOP: Mine.")
    client.post(path, typed(client, path, skills="STOP: Theirs.\nWait"))
    answer = client.post(path, late)
    assert answer.status_code == 409
    assert "STOP: Mine.</textarea>" in answer.content.decode()
    assert "Saved now: STOP: Theirs.; Wait." in answer.content.decode()


def test_skills_without_an_explanation_are_named_and_hold_nothing_up(
    client: Client, draft: Curriculum
) -> None:
    assert "Without an explanation" not in said(client.get(page("", 2)))
    client.post(page("_week", 2, 2), typed(client, page("_week", 2, 2), skills="STOP: S.\nWait"))
    client.post(page("_week", 2, 9), typed(client, page("_week", 2, 9), skills="Rest"))
    words = said(client.get(page("", 2)))
    assert "Without an explanation: Wait (week 2), Rest (week 9)." in words
    assert editions.outlook(draft=draft, now=NOW).obstacles == [
        "No licensed clinician has approved this version yet."
    ]


def test_where_it_is_edited_it_says_that_a_clinician_must_approve(
    client: Client, draft: Curriculum
) -> None:
    for path in ("/curriculum/", page("_week", 2, 1), page("", 2)):
        assert "licensed clinician must approve this text" in said(client.get(path))


def test_who_saves_later_sees_both_texts(client: Client, draft: Curriculum) -> None:
    path = page("_week", 2, 1)
    late = typed(client, path, title="Late", home="Late at home", module="interpersonal")
    client.post(path, typed(client, path, title="First <b>", home="First\nSecond"))
    answer = client.post(path, late)
    content = answer.content.decode()
    assert answer.status_code == 409
    assert 'value="Late"' in content
    assert "Late at home</textarea>" in content
    assert "Saved now: First &lt;b&gt;." in content
    assert "Saved now: First; Second." in content
    assert "Saved now: Mindfulness." in content
    assert week(draft).title == "First <b>"
    # What the page shows now can be saved.
    client.post(path, {**late, "seen": fingerprint([week(draft)])})
    assert week(draft).title == "Late"


def test_a_second_press_is_no_conflict(client: Client, draft: Curriculum) -> None:
    path = page("_week", 2, 1)
    sent = typed(client, path, title="Once")
    for _ in range(2):
        assert client.post(path, sent)["Location"] == page("", 2)
    assert week(draft).title == "Once"


def test_a_published_version_has_no_form(client: Client, admin: User) -> None:
    default_programme()
    assert client.get(page("_week", 1, 1))["Location"] == page("", 1)
    assert client.post(page("_week", 1, 1), {"title": "x"})["Location"] == page("", 1)
    assert "Edit week" not in said(client.get(page("", 1)))
    for name in ("_throw_away", "_publish"):
        for ask in (client.get, client.post):
            assert ask(page(name, 1))["Location"] == page("", 1)


@pytest.mark.parametrize("path", ["2/", "99999/", "1/weeks/13/", "1/weeks/99999/"])
def test_what_is_not_there_is_not_found(path: str, client: Client, admin: User) -> None:
    default_programme()
    assert client.get(f"/curriculum/{SLUG}/{path}").status_code == 404


def test_a_draft_is_thrown_away_after_a_look(client: Client, draft: Curriculum) -> None:
    path = page("_week", 2, 1)
    client.post(path, typed(client, path, title="Would be lost"))
    look = client.get(page("_throw_away", 2))
    assert "New title: Would be lost" in said(look)
    client.post(path, typed(client, path, title="Meanwhile"))
    answer = client.post(page("_throw_away", 2), {"seen": look.context["seen"]}, follow=True)
    assert "Somebody else changed this" in said(answer)
    assert "Meanwhile" in said(answer)
    client.post(page("_throw_away", 2), {"seen": answer.context["seen"]})
    assert not Curriculum.objects.filter(published_at=None).exists()
    assert client.post(path, {"title": "x"}).status_code == 404


# --- A clinician's tick, and publication -------------------------------------------------


def test_from_a_change_to_its_publication(client: Client, draft: Curriculum) -> None:
    a_cohort(name="Tuesdays")
    path = page("_week", 2, 1)
    client.post(path, typed(client, path, title="Our own words"))
    words = said(client.get(page("_publish", 2)))
    assert (
        "It cannot be published yet No licensed clinician has approved this version yet." in words
    )
    read = client.get(page("", 2)).context["seen"]
    tick = f"{page('_approve', 2)}?seen={read}"
    missing = client.post(tick, {"clinician": "", "seen": read})
    assert missing.status_code == 422
    assert "Tick this once a clinician has read all twelve weeks." in said(missing)
    sent = {"clinician": "Ana Diaz, PsyD", "agreed": "on", "seen": read}
    assert client.post(tick, sent)["Location"] == page("", 2)
    words = said(client.get(page("", 2)))
    assert "Approved by Ana Diaz, PsyD, as Rae noted on" in words
    assert "A change takes the clinician\u2019s tick away" in said(client.get(path))
    look = client.get(page("_publish", 2))
    assert "New title: Our own words" in said(look)
    seen = look.context["outlook"].seen
    answer = client.post(page("_publish", 2), {"seen": seen}, follow=True)
    assert "Version 2 is published." in said(answer)
    draft.refresh_from_db()
    assert draft.published_at is not None
    again = client.post(page("_publish", 2), {"seen": seen}, follow=True)
    assert "This version is published already." in said(again)


def test_the_tick_is_for_the_text_that_was_on_the_page(client: Client, draft: Curriculum) -> None:
    read = client.get(page("", 2)).context["seen"]
    path = page("_week", 2, 1)
    client.post(path, typed(client, path, title="Changed while they read"))
    tick = f"{page('_approve', 2)}?seen={read}"
    sent = typed(client, tick, clinician="Ana Diaz, PsyD", agreed="on")
    answer = client.post(tick, sent, follow=True)
    assert "Somebody else changed this while you looked at it" in said(answer)
    draft.refresh_from_db()
    assert draft.approved_at is None


def test_the_first_version_warns_until_it_has_its_tick(client: Client, admin: User) -> None:
    default_programme()
    words = said(client.get(page("", 1)))
    assert "A clinician has to read this" in words
    assert "Groups follow it already" in words
    path = page("_approve", 1)
    client.post(path, typed(client, path, clinician="Ana Diaz, PsyD", agreed="on"))
    words = said(client.get(page("", 1)))
    assert "A clinician has to read this" not in words
    assert "Approved by Ana Diaz, PsyD" in words


# --- Many of them ------------------------------------------------------------------------


def test_the_pages_ask_no_more_with_more_versions_and_groups(
    client: Client, admin: User, django_assert_max_num_queries: Any
) -> None:
    """Six of them are who it is, the second factor, and that they are still there."""
    programme = default_programme()
    for title in ("Two", "Three"):
        a_cohort()
        weeks = {n: {"title": title, "skills": ["x"]} for n in range(1, 13)}
        a_version(programme, at=NOW, weeks=weeks)
    editions.start_draft(programme=programme)
    for path, most in {
        "/curriculum/": 6 + 3,
        page("", 4): 6 + 4,
        page("_week", 4, 1): 6 + 2,
        page("_publish", 4): 6 + 6,
    }.items():
        with django_assert_max_num_queries(most):
            assert client.get(path).status_code == 200
