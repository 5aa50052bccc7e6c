"""The pages from "Reserve your seat" to the payment, and every way in which they say no."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts.encryption import decrypt
from accounts.models import User
from enrollment import agreements, services
from enrollment.answering import stored_answers
from enrollment.models import Consent, Enrollment, Intake, Seat
from sandbox.stack import wait_until
from sessions.models import Cohort
from tests.enrollment.builders import (
    FIRST_SESSION,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    an_intake,
    answers,
)
from tests.enrollment.pages import said
from tests.enrollment.test_intake_form import TYPED

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

AGREED = dict.fromkeys((agreement.kind for agreement in agreements.CURRENT), "on")


def about_you(cohort: Cohort) -> str:
    return reverse("enrollment:about_you", args=[cohort.slug])


def agree(cohort: Cohort) -> str:
    return reverse("enrollment:agreements", args=[cohort.slug])


def pay(enrollment: Enrollment) -> str:
    return reverse("billing:pay", args=[enrollment.public_id])


@pytest.fixture
def member(client: Client) -> User:
    member = a_member()
    client.force_login(member)
    return member


# --- The way through --------------------------------------------------------------------


@pytest.mark.parametrize("page", [about_you, agree])
def test_a_stranger_signs_up_first_and_comes_back(client: Client, page: Any) -> None:
    where = page(a_cohort())
    response = client.get(where)
    assert response["Location"] == f"{reverse('account_signup')}?next={where}"


def test_from_the_questions_over_the_agreements_to_the_payment(
    client: Client, member: User
) -> None:
    cohort = a_cohort()

    assert client.get(about_you(cohort)).status_code == 200
    assert client.post(about_you(cohort), TYPED)["Location"] == agree(cohort)
    assert stored_answers(member) == answers()
    assert client.get(agree(cohort)).status_code == 200
    response = client.post(agree(cohort), AGREED)

    enrollment = Enrollment.objects.get()
    assert response["Location"] == pay(enrollment)
    assert (enrollment.member, enrollment.cohort, enrollment.status) == (member, cohort, "held")
    assert enrollment.held_until == NOW + services.HOLD


def test_what_was_agreed_to_is_stored_with_version_time_and_address(
    client: Client, member: User
) -> None:
    cohort = a_cohort()
    an_intake(member)
    client.post(
        agree(cohort), AGREED, REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR="198.51.100.1"
    )
    stored = Consent.objects.values_list("kind", "version", "accepted_at", "ip")
    assert set(stored) == {
        (kind, "2026-11", NOW, "203.0.113.9")
        for kind in ("telehealth", "confidentiality", "email", "attendance", "refunds")
    }


def test_going_back_shows_what_was_answered(client: Client, member: User) -> None:
    cohort = a_cohort()
    client.post(about_you(cohort), {**TYPED, "accommodations": "Captions, please"})

    steps = client.get(agree(cohort)).context["steps"]
    (back,) = [step.url for step in steps if step.url]
    page = client.get(back).content.decode()

    assert back == about_you(cohort)
    assert [typed for typed in (*TYPED.values(), "Captions, please") if typed not in page] == []


def test_answers_given_for_one_group_fill_the_form_for_the_next(
    client: Client, member: User
) -> None:
    an_intake(member)
    page = client.get(about_you(a_cohort())).content.decode()
    assert "Samira Ruth Okafor" in page


@pytest.mark.parametrize("page", [about_you, agree])
def test_who_has_a_kept_seat_goes_on_to_the_payment(
    client: Client, member: User, page: Any
) -> None:
    held = a_held_seat(member=member)
    assert client.get(page(held.cohort))["Location"] == pay(held)


def test_pressing_twice_leads_to_the_same_payment(client: Client, member: User) -> None:
    cohort = a_cohort()
    an_intake(member)
    where = [client.post(agree(cohort), AGREED)["Location"] for _ in range(2)]
    assert where == [pay(Enrollment.objects.get())] * 2


def test_the_agreements_need_the_answers_first(client: Client, member: User) -> None:
    cohort = a_cohort()
    assert client.get(agree(cohort))["Location"] == about_you(cohort)
    assert client.post(agree(cohort), AGREED)["Location"] == about_you(cohort)
    assert Enrollment.objects.count() == 0


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("page", [about_you, agree])
def test_head_is_answered_other_methods_are_not_and_nothing_is_cached(
    client: Client, page: Any
) -> None:
    where = page(a_cohort())
    assert client.head(where).status_code in (200, 302)
    assert client.put(where).status_code == 405
    assert "no-store" in client.get(where)["Cache-Control"]


# --- Mistakes ---------------------------------------------------------------------------


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"date_of_birth_month": "2", "date_of_birth_day": "30"},
            "This date does not exist. Check the month and the day.",
        ),
        ({"date_of_birth_year": "2030"}, "Check the year: this can't be your date of birth."),
        ({"date_of_birth_day": "ten"}, "Enter the month, day and year in numbers."),
        ({"date_of_birth_year": "2010"}, "These groups are for people who are 18 or older."),
        ({"phone": "12"}, "Enter your phone number with its area code"),
    ],
    ids=["february_30", "future", "letters", "minor", "phone"],
)
def test_a_mistake_is_explained_and_nothing_typed_is_lost(
    client: Client, changes: dict[str, str], words: str
) -> None:
    typed = {**TYPED, **changes}
    response = client.post(about_you(a_cohort()), typed, follow=True)
    page = response.content.decode()

    # Once on top and once at the field.
    assert said(response).count(words) == 2
    assert [value for value in typed.values() if value not in page] == []
    assert Intake.objects.count() == 0


@pytest.mark.usefixtures("member")
def test_an_empty_form_is_an_answer_with_everything_missing(client: Client) -> None:
    response = client.post(about_you(a_cohort()), {}, follow=True)
    assert len(response.context["form"].errors) == 8


@pytest.mark.usefixtures("member")
def test_no_page_of_a_mistake_is_the_answer_to_a_post(client: Client) -> None:
    """A browser could not show it again when somebody comes back to it."""
    where = about_you(a_cohort())
    assert client.post(where, {**TYPED, "phone": "12"})["Location"] == where
    assert "Samira Ruth Okafor" in client.get(where).content.decode()
    assert client.post(where, TYPED).status_code == 302
    assert client.get(where).context["form"].errors == {}


@pytest.mark.usefixtures("member")
def test_a_draft_is_encrypted_and_gone_after_signing_out(client: Client) -> None:
    where = about_you(a_cohort())
    client.post(where, {**TYPED, "phone": "12", "color": "red"})
    (token,) = [kept for name, kept in client.session.items() if name.startswith("draft:")]
    assert "Okafor" not in token
    assert "color" not in decrypt(token)
    client.logout()
    assert [name for name, _ in client.session.items() if name.startswith("draft:")] == []


@pytest.mark.parametrize("missing", AGREED)
def test_every_agreement_is_needed_and_the_ticks_stay(
    client: Client, member: User, missing: str
) -> None:
    cohort = a_cohort()
    an_intake(member)
    ticked = {k: v for k, v in AGREED.items() if k != missing}
    response = client.post(agree(cohort), ticked, follow=True)
    assert list(response.context["form"].errors) == [missing]
    assert response.content.decode().count(" checked") == 4
    assert Enrollment.objects.count() == 0


def test_no_agreement_at_all_keeps_no_seat(client: Client, member: User) -> None:
    cohort = a_cohort()
    an_intake(member)
    response = client.post(agree(cohort), {}, follow=True)
    assert len(response.context["form"].errors) == 5
    assert Enrollment.objects.count() == 0


def test_ticks_are_kept_on_the_way_back_and_for_this_group_only(
    client: Client, member: User
) -> None:
    cohort, other = a_cohort(), a_cohort()
    an_intake(member)
    response = client.post(agree(cohort), {"email": "on", "back": "1"})
    assert response["Location"] == about_you(cohort)
    page = client.get(agree(cohort))
    assert (page.content.decode().count(" checked"), page.context["form"].errors) == (1, {})
    assert " checked" not in client.get(agree(other)).content.decode()


# --- Saying no --------------------------------------------------------------------------

FULL = "This group has just filled up"
FULL_ALREADY = "This group is full"
CLOSED = "You can't join this group any more"


def fill(cohort: Cohort) -> None:
    for _ in range(cohort.capacity):
        a_held_seat(cohort=cohort)


def offered(response: Any) -> list[Cohort]:
    """The groups whose cards are on the page, in its order."""
    slugs = re.findall(r'<h3><a href="/groups/([^/]+)/"', response.content.decode())
    return [Cohort.objects.get(slug=slug) for slug in slugs]


def test_the_group_fills_up_before_the_agreements_are_sent(client: Client, member: User) -> None:
    cohort, other = a_cohort(capacity=1), a_cohort(name="Thursdays")
    client.post(about_you(cohort), TYPED)
    fill(cohort)

    response = client.post(agree(cohort), AGREED)

    assert (response.status_code, response.context["title"]) == (409, FULL)
    assert "nothing was reserved and nothing was charged. You can wait" in said(response)
    assert reverse("enrollment:join_waitlist", args=[cohort.slug]) in response.content.decode()
    assert offered(response) == [other]
    assert reverse("enrollment:cohort", args=[other.slug]) in response.content.decode()
    assert Enrollment.objects.filter(member=member).count() == 0
    assert stored_answers(member) == answers()


def test_without_another_group_none_is_announced(client: Client, member: User) -> None:
    cohort = a_cohort(capacity=1)
    an_intake(member)
    fill(cohort)
    response = client.post(agree(cohort), AGREED)
    assert offered(response) == []
    assert "These groups" not in said(response)
    assert "No other group fits right now." in said(response)


def test_others_are_open_to_the_members_state_and_have_a_seat(client: Client, member: User) -> None:
    cohort, full = a_cohort(capacity=1), a_cohort(capacity=1)
    a_cohort(admitted_states=["TX"])
    fits = a_cohort(admitted_states=["NY", "TX"])
    an_intake(member)
    fill(cohort)
    fill(full)
    assert offered(client.post(agree(cohort), AGREED)) == [fits]


@pytest.mark.parametrize("page", [about_you, agree])
@pytest.mark.usefixtures("member")
def test_a_full_group_says_so_before_anybody_answers_questions(client: Client, page: Any) -> None:
    cohort = a_cohort(capacity=1)
    fill(cohort)
    response = client.get(page(cohort))
    assert (response.status_code, response.context["title"]) == (409, FULL_ALREADY)


@pytest.mark.parametrize("status", [Cohort.Status.CLOSED, Cohort.Status.ARCHIVED])
@pytest.mark.parametrize("page", [about_you, agree])
def test_a_closed_group_says_so(
    client: Client, member: User, page: Any, status: Cohort.Status
) -> None:
    cohort = a_cohort()
    an_intake(member)
    Cohort.objects.update(status=status)
    for response in (client.get(page(cohort)), client.post(agree(cohort), AGREED)):
        assert (response.status_code, response.context["title"]) == (409, CLOSED)
        assert "This group is not taking new members. Nothing was reserved" in said(response)
    assert Enrollment.objects.count() == 0


def test_a_group_that_has_begun_says_so(client: Client, member: User, clock: Any) -> None:
    cohort = a_cohort()
    an_intake(member)
    assert client.get(agree(cohort)).status_code == 200
    clock.move_to(FIRST_SESSION)
    for response in (client.get(about_you(cohort)), client.post(agree(cohort), AGREED)):
        assert (response.status_code, response.context["title"]) == (409, CLOSED)
        assert "This group has already started" in said(response)
    assert Enrollment.objects.count() == 0


def test_answers_typed_while_the_group_closed_are_kept(client: Client, member: User) -> None:
    cohort = a_cohort()
    Cohort.objects.update(status=Cohort.Status.CLOSED)
    response = client.post(about_you(cohort), TYPED, follow=True)
    assert (response.status_code, response.context["title"]) == (409, CLOSED)
    assert stored_answers(member) == answers()


@pytest.mark.usefixtures("member")
def test_mistakes_in_a_form_for_a_group_that_has_begun_do_not_lose_it(
    client: Client, clock: Any
) -> None:
    cohort = a_cohort()
    clock.move_to(FIRST_SESSION)
    response = client.post(about_you(cohort), {**TYPED, "phone": "12"}, follow=True)
    assert (response.status_code, response.context["title"]) == (409, CLOSED)
    next_one = a_cohort(starts_at=FIRST_SESSION + dt.timedelta(days=7))
    assert "Samira Ruth Okafor" in client.get(about_you(next_one)).content.decode()


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("page", [about_you, agree])
def test_a_draft_is_as_good_as_absent(client: Client, page: Any) -> None:
    draft = a_cohort(draft=True)
    assert client.get(page(draft)).status_code == 404
    assert client.post(page(draft), TYPED).status_code == 404


def test_a_state_without_a_licence_is_named_at_once_and_the_answers_kept(
    client: Client, member: User
) -> None:
    cohort, fits = a_cohort(), a_cohort(admitted_states=["TX"])
    response = client.post(about_you(cohort), {**TYPED, "state": "TX"}, follow=True)
    assert response.status_code == 409
    assert response.context["title"] == "This group can't admit people in Texas yet"
    assert "Chose the wrong state? Change your answers" in said(response)
    assert f'href="{about_you(cohort)}"' in response.content.decode()
    assert "These groups are open to your state:" in said(response)
    assert offered(response) == [fits]
    assert stored_answers(member) == answers(state="TX")


def test_a_state_without_a_licence_keeps_no_seat_by_another_way(
    client: Client, member: User
) -> None:
    an_intake(member, state="TX")
    response = client.post(agree(a_cohort()), AGREED)
    assert (response.status_code, Enrollment.objects.count()) == (409, 0)


def test_a_minor_whose_answers_are_stored_keeps_no_seat(client: Client, member: User) -> None:
    an_intake(member, date_of_birth=dt.date(2010, 1, 1))
    a_cohort()
    response = client.post(agree(a_cohort()), AGREED)
    assert response.status_code == 409
    assert response.context["title"] == "These groups are for adults"
    assert "call or text 988" in said(response)
    assert (offered(response), "No other group fits" in said(response)) == ([], False)
    assert (Enrollment.objects.count(), Seat.objects.exclude(enrollment=None).count()) == (0, 0)


def test_a_second_seat_in_the_same_group_is_refused_with_the_way_to_the_first(
    client: Client, member: User
) -> None:
    confirmed = a_confirmed_seat(member=member)
    for response in (
        client.get(about_you(confirmed.cohort)),
        client.get(agree(confirmed.cohort)),
        client.post(agree(confirmed.cohort), AGREED),
    ):
        assert response.status_code == 409
        assert response.context["title"] == "You already have a seat in this group"
        assert reverse("enrollment:my_groups") in response.content.decode()
    assert Enrollment.objects.count() == 1


def test_a_hold_that_is_over_but_not_yet_released_is_not_doubled(
    client: Client, member: User, clock: Any
) -> None:
    held = a_held_seat(member=member)
    clock.move_to(NOW + services.HOLD + MINUTE)
    assert client.post(agree(held.cohort), AGREED)["Location"] == pay(held)
    assert Enrollment.objects.count() == 1


# --- What a press on "Reserve" costs, which is what a rush multiplies ---------------------


def statements(press: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        press()
    return [query["sql"] for query in captured.captured_queries]


def warm(client: Client, cohort: Cohort) -> None:
    """The day's first page notes in the session that its reader was here."""
    client.get(about_you(cohort))


def test_whoever_is_too_late_costs_few_queries_and_no_transaction(
    client: Client, member: User
) -> None:
    """Session, person, group, answers, free seats, own seats; then three for other groups."""
    cohort = a_cohort(capacity=1)
    an_intake(member)
    warm(client, cohort)
    fill(cohort)
    for others in (1, 3):
        while Cohort.objects.count() <= others:
            a_cohort()
        asked = statements(lambda: client.post(agree(cohort), AGREED))
        assert len(asked) == 6 + 3
        assert {sql.split()[0] for sql in asked} == {"SELECT"}


def test_what_others_were_just_offered_is_not_looked_up_again(
    client: Client, member: User, settings: Settings
) -> None:
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "offered"}
    settings.CACHES = {**settings.CACHES, "pages": memory}
    cohort, other = a_cohort(capacity=1), a_cohort()
    an_intake(member)
    warm(client, cohort)
    fill(cohort)
    pages: list[Any] = []

    def costs_six() -> bool:
        """Unless this machine stood still for the second that the list is kept."""
        return len(statements(lambda: pages.append(client.post(agree(cohort), AGREED)))) == 6

    wait_until(costs_six, "a list that was looked up just now", seconds=20)
    assert offered(pages[-1]) == [other]


@pytest.mark.parametrize("other", ["group", "state", "zone"])
def test_what_one_was_offered_is_not_shown_where_it_does_not_apply(
    client: Client, member: User, settings: Settings, other: str
) -> None:
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": other}
    settings.CACHES = {**settings.CACHES, "pages": memory}
    cohort, second = a_cohort(capacity=1), a_cohort(capacity=1)
    ny, ca = a_cohort(admitted_states=["NY"]), a_cohort(admitted_states=["CA"])
    an_intake(member, state="NY")
    fill(cohort)
    fill(second)
    assert offered(client.post(agree(cohort), AGREED)) == [ny]
    if other == "state":
        an_intake(member, state="CA")
        assert offered(client.post(agree(cohort), AGREED)) == [ca]
    elif other == "zone":
        User.objects.filter(pk=member.pk).update(time_zone="America/Los_Angeles")
        assert "Pacific" in said(client.post(agree(cohort), AGREED))
    else:
        Seat.objects.filter(cohort=cohort).update(enrollment=None)
        assert offered(client.post(agree(second), AGREED)) == [cohort, ny]


def test_a_seat_costs_as_many_queries_whatever_else_there_is(client: Client, member: User) -> None:
    an_intake(member)
    counted = []
    for _ in range(2):
        cohort = a_cohort()
        warm(client, cohort)
        counted.append(len(statements(lambda: client.post(agree(cohort), AGREED))))  # noqa: B023
        a_held_seat(cohort=a_cohort())
        a_confirmed_seat(cohort=a_cohort())
    assert counted[0] == counted[1] <= 14  # SAVEPOINT and RELEASE are two of them
