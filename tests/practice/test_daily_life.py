"""A member's look at their daily life: six areas, one page each, and nothing that must be said."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from enrollment import services
from enrollment.models import Enrollment
from practice import daily_life
from practice.fields import LONGEST
from practice.looks import Look
from practice.models import Profile
from practice.views.asking import CHANGED
from sessions.models import Area
from tests.enrollment.builders import a_held_seat, a_member
from tests.enrollment.pages import said
from tests.practice.builders import IN_WEEK_2, a_practising_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

OVERVIEW = "/my/daily-life/"
HOME = "/my/daily-life/home/"
WORDS = {
    "well": "Breakfast on weekends",
    "hard": "Bills",
    "helps": "Company",
    "person": "Tired",
    "surroundings": "No table",
    "task": "Too many steps",
    "performance": "4",
    "satisfaction": "2",
    "matters": "on",
}


@pytest.fixture
def seat(client: Client) -> Enrollment:
    enrollment = a_practising_member()
    client.force_login(enrollment.member)
    return enrollment


def look_of(member: User, area: str = "home") -> Look:
    return daily_life.looks_of(member=member)[area]


def save(client: Client, typed: dict[str, str], *, seen: int, path: str = HOME) -> Any:
    return client.post(path, {**typed, "seen": str(seen)})


def test_the_overview_says_of_each_area_whether_it_was_looked_at_and_matters(
    client: Client, seat: Enrollment
) -> None:
    save(client, WORDS, seen=0)
    page = said(client.get(OVERVIEW))
    assert page.count("Not looked at yet") == 5
    assert page.count("Matters to you now") == 1
    assert "Home Cooking, cleaning, shopping, bills, looking after others Looked at" in page
    assert reverse("practice:hub", args=[seat.public_id]) in client.get(OVERVIEW).content.decode()


def test_what_was_saved_stands_in_the_form_again(client: Client, seat: Enrollment) -> None:
    assert save(client, WORDS, seen=0)["Location"] == OVERVIEW
    assert look_of(seat.member) == Look(
        well="Breakfast on weekends",
        hard="Bills",
        helps="Company",
        person="Tired",
        surroundings="No table",
        task="Too many steps",
        performance=4,
        satisfaction=2,
        matters=True,
        revision=1,
    )
    page = client.get(HOME).content.decode()
    assert [text for text in list(WORDS.values())[:6] if text not in page] == []
    assert 'name="performance" value="4" id="id_performance_3" checked' in page
    assert 'name="seen" value="1"' in page


def test_nothing_has_to_be_said_and_all_can_be_taken_back(client: Client, seat: Enrollment) -> None:
    assert save(client, {}, seen=0).status_code == 302
    save(client, WORDS, seen=1)
    assert save(client, {"performance": "", "satisfaction": ""}, seen=2).status_code == 302
    assert look_of(seat.member) == Look(revision=3)
    assert said(client.get(OVERVIEW)).count("Not looked at yet") == 6


def test_a_look_is_kept_for_the_next_group_and_after_the_seat_ended(
    client: Client, seat: Enrollment
) -> None:
    save(client, WORDS, seen=0)
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=IN_WEEK_2)
    assert "Looked at" in said(client.get(OVERVIEW))


@pytest.mark.parametrize("path", [OVERVIEW, HOME])
def test_who_never_had_a_seat_has_no_such_page(client: Client, path: str) -> None:
    for member in (a_member(), a_held_seat().member):
        client.force_login(member)
        assert client.get(path).status_code == 404
        assert client.post(path, WORDS).status_code in (404, 405)
    assert not Profile.objects.exists()


def test_there_are_six_areas_and_no_others(client: Client, seat: Enrollment) -> None:
    found = {area: client.get(f"{OVERVIEW}{area}/").status_code for area in [*Area, "money"]}
    assert found == dict.fromkeys(Area.values, 200) | {"money": 404}
    assert client.post(f"{OVERVIEW}money/", WORDS).status_code == 404


# --- Two pages at once -------------------------------------------------------------------


def test_an_older_page_changes_nothing_and_shows_what_stands_beside_what_was_typed(
    client: Client, seat: Enrollment
) -> None:
    save(client, WORDS, seen=0)
    late = save(client, {**WORDS, "hard": "Letters", "performance": "9", "matters": ""}, seen=0)

    assert late.status_code == 409
    assert CHANGED in said(late)
    assert look_of(seat.member).hard == "Bills"
    page = said(late)
    assert "Saved now: Bills" in page
    assert "Saved now: 4" in page
    assert page.count("Saved now") == 3
    assert "Letters" in late.content.decode()
    assert 'value="9" id="id_performance_8" checked' in late.content.decode()


def test_whoever_has_seen_what_stands_may_save_over_it(client: Client, seat: Enrollment) -> None:
    save(client, WORDS, seen=0)
    late = save(client, {**WORDS, "hard": "Letters"}, seen=0)
    assert late.context["seen"] == 1
    assert save(client, {**WORDS, "hard": "Letters"}, seen=1).status_code == 302
    assert look_of(seat.member).hard == "Letters"


def test_a_mistake_does_not_make_an_older_page_a_newer_one(
    client: Client, seat: Enrollment
) -> None:
    save(client, WORDS, seen=0)
    wrong = save(client, {**WORDS, "performance": "11", "hard": "Letters"}, seen=0)
    assert (wrong.status_code, wrong.context["seen"]) == (422, 0)


def test_a_second_press_saves_nothing_new_and_is_no_conflict(
    client: Client, seat: Enrollment
) -> None:
    assert [save(client, WORDS, seen=0).status_code for _ in range(2)] == [302, 302]
    assert look_of(seat.member).revision == 1


def test_pages_about_two_areas_do_not_stand_in_each_others_way(
    client: Client, seat: Enrollment
) -> None:
    save(client, WORDS, seen=0)
    other = save(client, {"well": "Naps"}, seen=0, path="/my/daily-life/rest/")
    assert other.status_code == 302
    assert look_of(seat.member).well == "Breakfast on weekends"
    assert look_of(seat.member, "rest") == Look(well="Naps", revision=2)
    # What another area saved is no change of this one.
    assert save(client, {**WORDS, "well": "Tea"}, seen=1).status_code == 302


def test_a_page_that_does_not_say_what_it_showed_has_seen_nothing(
    client: Client, seat: Enrollment
) -> None:
    for seen in ("", "x", "-1", "9" * 5000, "\u0661"):
        assert client.post(HOME, {**WORDS, "seen": seen}).status_code == 409
    assert look_of(seat.member) == Look()


# --- What cannot be saved ----------------------------------------------------------------


def test_a_text_that_is_too_long_is_refused_with_the_limit_and_kept(
    client: Client, seat: Enrollment
) -> None:
    long = "word " * 250
    wrong = save(client, {**WORDS, "well": long}, seen=0)
    assert wrong.status_code == 422
    assert f"Use at most {LONGEST} characters. These are 1249." in said(wrong)
    assert long.strip() in wrong.content.decode()
    assert "maxlength" not in wrong.content.decode()  # which would cut off in silence
    assert not Profile.objects.exists()


def test_the_end_of_a_line_counts_as_one_character(client: Client, seat: Enrollment) -> None:
    lines = "\r\n".join(["x"] * (LONGEST // 2))
    assert save(client, {"well": lines}, seen=0).status_code == 302
    assert look_of(seat.member).well == "\n".join(["x"] * (LONGEST // 2))


@pytest.mark.parametrize(
    "typed", [{"well": "a\0b"}, {"performance": "0"}, {"performance": "11"}, {"satisfaction": "x"}]
)
def test_what_cannot_be_stored_or_is_not_on_the_scale_is_refused(
    client: Client, seat: Enrollment, typed: dict[str, str]
) -> None:
    assert save(client, {**WORDS, **typed}, seen=0).status_code == 422
    assert not Profile.objects.exists()


# --- Privacy, and how much is asked ------------------------------------------------------


def test_the_row_holds_no_word_and_no_number_of_it(client: Client, seat: Enrollment) -> None:
    save(client, WORDS, seen=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM practice_profile t")
        [(row,)] = cursor.fetchall()
    telling = [*Area.values, *WORDS, *list(WORDS.values())[:6], "true"]
    assert [word for word in telling if word in row] == []


def test_no_copy_of_the_pages_is_kept(client: Client, seat: Enrollment) -> None:
    for path in (OVERVIEW, HOME):
        assert "no-store" in client.get(path)["Cache-Control"]


def test_the_pages_ask_little_however_much_was_written(client: Client) -> None:
    seat = a_practising_member()
    client.force_login(seat.member)
    counts = set()
    for areas in (Area.values[:1], Area.values):
        for area in areas:
            look = Look(well="x" * 900, matters=True)
            standing = look_of(seat.member, area).revision
            daily_life.save_look(
                member=seat.member, area=area, look=look, seen=standing, now=IN_WEEK_2
            )
        for path in (OVERVIEW, HOME):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            counts.add(len(queries))
    assert max(counts) <= 8, counts
    assert len(counts) == 1
