"""What a member sees of paying in three parts, and how many queries that takes."""

import html

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.clock import day
from billing import charging, gateway, part_checkout, plans, story_parts, tasks
from billing.models import Instalment, InstalmentTry
from billing.standing import payment_lines
from billing.words import declined, declined_to_member
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import a_group, a_payment, a_seat, now, refreshed, stripe_is_away
from tests.billing.instalments import (
    AMOUNTS,
    DAY,
    a_plan,
    card_does,
    part,
    plan_of,
    statuses,
    when_due,
)
from tests.billing.test_pay_page import signed_in, url
from tests.enrollment.builders import a_member

pytestmark = pytest.mark.django_db


def payments(enrollment: Enrollment, query: str = "") -> str:
    return f"/my/{enrollment.public_id}/payments/{query}"


def show(enrollment: Enrollment, query: str = "") -> str:
    reply = signed_in(enrollment.member).get(payments(enrollment, query))
    assert reply.status_code == 200
    return reply.content.decode()


def make_due(enrollment: Enrollment) -> None:
    """Part 2 is due as of now, on everybody's clock."""
    Instalment.objects.filter(enrollment=enrollment, number=2).update(
        due_at=now(), next_try_at=now()
    )


# --- Choosing -------------------------------------------------------------------------------


def test_the_choice_names_every_amount_and_date_before_paying(standin: Standin) -> None:
    enrollment = a_seat()
    page = signed_in(enrollment.member).get(url(enrollment))
    ways = page.context["ways"]
    words = dict(ways.fields["way"].choices)
    assert words["full"] == "In full: $299.00 today"
    assert words["parts"].startswith("In 3 parts: $99.67 today, $99.67 on ")
    assert ", and $99.66 on " in words["parts"]
    assert words["parts"] in page.content.decode()
    assert ways.initial["way"] == "full"


def choose_parts(client: Client, enrollment: Enrollment, **changes: str) -> dict[str, str]:
    ways = client.get(url(enrollment)).context["ways"]
    return {"way": "parts", "seen": ways.initial["seen"], **changes}


def test_choosing_parts_leads_to_a_page_for_the_first_alone(standin: Standin) -> None:
    enrollment = a_seat()
    client = signed_in(enrollment.member)
    reply = client.post(url(enrollment), choose_parts(client, enrollment))
    attempt = enrollment.attempts.get()
    assert (reply["Location"], attempt.amount_cents) == (attempt.checkout_url, AMOUNTS[0])
    assert attempt.params["payment_intent_data"]["setup_future_usage"] == "off_session"


def test_dates_other_than_those_shown_are_answered_with_the_new_ones(standin: Standin) -> None:
    enrollment = a_seat()
    client = signed_in(enrollment.member)
    reply = client.post(url(enrollment), choose_parts(client, enrollment, seen="older"))
    assert reply.status_code == 422
    assert "look at the dates once more" in reply.content.decode()
    assert not enrollment.attempts.exists()


def test_without_the_offer_there_is_no_choice_and_none_can_be_made(standin: Standin) -> None:
    enrollment = a_seat(a_group(price_cents=5_900))
    client = signed_in(enrollment.member)
    page = client.get(url(enrollment))
    assert page.context["ways"] is None
    assert "Pay $59.00" in page.content.decode()
    reply = client.post(url(enrollment), {"way": "parts", "seen": ""})
    assert reply.status_code == 422


def test_the_confirmation_and_the_group_show_the_calendar(standin: Standin) -> None:
    enrollment = a_plan(standin)
    zone = enrollment.member.time_zone
    expected = [
        ("Part 1 of 3 paid", AMOUNTS[0], ""),
        ("Part 2 of 3", AMOUNTS[1], f"Due on {day(part(enrollment, 2).due_at, zone)}"),
        ("Part 3 of 3", AMOUNTS[2], f"Due on {day(part(enrollment, 3).due_at, zone)}"),
    ]
    lines = [(one.label, one.amount_cents, one.detail) for one in payment_lines(enrollment, now())]
    assert lines == expected
    client = signed_in(enrollment.member)
    for address in (url(enrollment, "return/"), enrollment.get_absolute_url()):
        page = client.get(address).content.decode()
        for label, _, detail in expected:
            assert label in page
            assert detail in page
    assert payments(enrollment) in client.get(enrollment.get_absolute_url()).content.decode()


# --- The payments page ----------------------------------------------------------------------


def test_it_shows_what_is_paid_and_offers_the_next_part_early(standin: Standin) -> None:
    enrollment = a_plan(standin)
    page = show(enrollment)
    assert "Paid on" in page
    assert "Pay part 2 now: $99.67" in page
    assert "Part 2 is still open" not in page


def test_an_open_part_is_said_kindly_with_the_day_of_the_next_try(standin: Standin) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "declined")
    make_due(enrollment)
    charging.charge_due(now=now())
    page = show(enrollment)
    assert "Part 2 is still open" in page
    assert f"again on {day(now() + DAY, enrollment.member.time_zone)}" in page
    group = signed_in(enrollment.member).get(enrollment.get_absolute_url()).content.decode()
    assert "One of your payments is still open" in group


def test_paying_an_open_part_leads_to_stripe_and_back_to_active(standin: Standin) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "authentication_required")
    make_due(enrollment)
    charging.charge_due(now=now())
    assert refreshed(enrollment).status == Status.GRACE
    client = signed_in(enrollment.member)
    reply = client.post(payments(enrollment), {"number": "2"})
    assert reply["Location"].startswith(f"{standin.url}/pay/cs_test_")
    standin.control("pay", session=reply["Location"].rpartition("/")[2])
    page = client.get(payments(enrollment, "?paid=1")).content.decode()
    assert refreshed(enrollment).status == Status.ACTIVE
    assert "Pay part 3 now" in page


def test_coming_back_while_stripe_is_away_says_confirming(standin: Standin) -> None:
    enrollment = a_plan(standin)
    client = signed_in(enrollment.member)
    client.post(payments(enrollment), {"number": "2"})
    stripe_is_away(standin)
    page = client.get(payments(enrollment, "?paid=1")).content.decode()
    assert "We are confirming your payment" in page
    assert "Pay part 2 now" not in page


def test_coming_back_without_paying_says_that_nothing_was_charged(standin: Standin) -> None:
    assert "You came back without paying" in show(a_plan(standin), "?back=1")


def test_a_stale_page_pays_nothing_twice_and_says_so(standin: Standin) -> None:
    enrollment = a_plan(standin)
    client = signed_in(enrollment.member)
    reply = client.post(payments(enrollment), {"number": "1"}, follow=True)
    assert "There is nothing to pay for this part any more" in reply.content.decode()
    make_due(enrollment)
    charging.claim(instalment=part(enrollment, 2), now=now())
    reply = client.post(payments(enrollment), {"number": "2"}, follow=True)
    assert "We are asking your bank about this part right now" in reply.content.decode()
    assert enrollment.attempts.count() == 1


def test_stripe_away_is_said_and_nothing_is_charged(standin: Standin) -> None:
    enrollment = a_plan(standin)
    stripe_is_away(standin)
    reply = signed_in(enrollment.member).post(payments(enrollment), {"number": "2"})
    assert reply.status_code == 503
    assert "Nothing was charged" in reply.content.decode()


@pytest.mark.parametrize("number", ["", "two", "²", "9" * 30, "-1"])
def test_a_number_that_is_none_is_no_error_of_ours(standin: Standin, number: str) -> None:
    enrollment = a_plan(standin)
    reply = signed_in(enrollment.member).post(payments(enrollment), {"number": number})
    assert reply.status_code in (302, 404)


def test_somebody_elses_payments_do_not_exist(standin: Standin) -> None:
    enrollment = a_plan(standin)
    client = signed_in(a_member())
    assert client.get(payments(enrollment)).status_code == 404
    assert client.post(payments(enrollment), {"number": "2"}).status_code == 404


def test_whoever_paid_at_once_is_led_to_their_group(standin: Standin) -> None:
    enrollment = a_payment(standin).enrollment
    reply = signed_in(enrollment.member).get(payments(enrollment))
    assert reply["Location"] == enrollment.get_absolute_url()


def test_standing_sums_up(standin: Standin) -> None:
    enrollment = a_plan(standin)
    found = plans.standing(enrollment)
    assert found is not None
    assert (found.paid_cents, found.open_cents) == (AMOUNTS[0], AMOUNTS[1] + AMOUNTS[2])
    assert (found.next_due, found.overdue) == (part(enrollment, 2), None)
    assert plans.standing(a_payment(standin, a_seat()).enrollment) is None


# --- Mails ----------------------------------------------------------------------------------


def rendered(kind: str) -> tuple[str, str]:
    """Subject and text of the only mail of a kind, as it would be sent now."""
    from outbox.kinds import render
    from outbox.mail import Mail

    message = Message.objects.get(kind=kind)
    mail = render(kind, [message], now())[message.pk]
    assert isinstance(mail, Mail), mail
    for words in (mail.text, mail.subject):
        assert "dbt" not in words.lower()
        assert "therap" not in mail.subject.lower()
    return mail.subject, mail.text


def not_owed(kind: str) -> bool:
    from outbox.kinds import render
    from outbox.mail import NotOwed

    message = Message.objects.get(kind=kind)
    return isinstance(render(kind, [message], now())[message.pk], NotOwed)


def test_the_confirmation_names_what_was_paid_and_what_is_charged_when(standin: Standin) -> None:
    enrollment = a_plan(standin)
    _, text = rendered("seat-confirmed")
    assert "You paid $99.67, the first of three parts, for 12 sessions." in text
    second = day(part(enrollment, 2).due_at, enrollment.member.time_zone)
    assert f"Your card is charged for the others: $99.67 on {second} and $99.66 on " in text


def test_each_part_that_is_paid_is_told_with_what_is_left(standin: Standin) -> None:
    enrollment = a_plan(standin)
    make_due(enrollment)
    charging.charge_due(now=now())
    subject, text = rendered(plans.PART_PAID)
    assert subject == "Part 2 of 3 is paid"
    assert "Part 2 of 3 is paid: $99.67." in text
    assert "Still to come from your saved card: $99.66 on" in text
    assert "active again" not in text


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("declined", "Otherwise we try your saved card again on"),
        ("authentication_required", "Your bank wants to hear from you"),
    ],
)
def test_an_open_part_is_told_with_the_way_to_pay(
    standin: Standin, behaviour: str, words: str
) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, behaviour)
    make_due(enrollment)
    charging.charge_due(now=now())
    subject, text = rendered(plans.PART_OPEN)
    assert subject == "About your next payment"
    assert words in text
    assert "Your bank says" not in text  # it gave no reason that would help
    until = day(now() + plans.GRACE, enrollment.member.time_zone)
    assert f"Your seat and your links stay as they are until {until}." in text
    assert payments(enrollment) in text


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("insufficient_funds", "there was too little money on the card"),
        ("expired_card", "the card has expired"),
        ("closed_account", "the card\u2019s account is closed"),
    ],
)
def test_what_the_bank_said_is_told_in_plain_words(
    standin: Standin, behaviour: str, words: str
) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, behaviour)
    make_due(enrollment)
    charging.charge_due(now=now())
    said = f"Your bank says: {words}."
    assert said in rendered(plans.PART_OPEN)[1]
    assert said in html.unescape(
        signed_in(enrollment.member).get(payments(enrollment)).content.decode()
    )
    charge = InstalmentTry.objects.get()
    story = story_parts.parts_of(enrollment)
    assert story is not None
    [line] = [one for one in story.lines if one.tries]
    assert line.tries[0].words == f"Declined: {words}."
    # Asked again after a silence, Stripe's books tell the same.
    assert charge.stripe_payment_intent_id is not None
    again = gateway.retrieve_charge(charge.stripe_payment_intent_id)
    assert declined(again.why) == words


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "do_not_honor", "fraudulent", ""])
def test_what_banks_ask_nobody_to_repeat_stays_with_the_desk(code: str) -> None:
    assert declined_to_member(f"{code} CardError card_declined req_1") == ""


def test_the_pause_and_its_warning_are_told_and_neither_once_it_is_paid(standin: Standin) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "authentication_required")
    make_due(enrollment)
    begun = now()
    charging.charge_due(now=begun)
    plans.watch_overdue(now=begun + 6 * DAY)
    assert "is not paid by" in rendered(plans.PAUSE_AHEAD)[1]
    plans.watch_overdue(now=begun + 7 * DAY)
    subject, text = rendered(plans.PAUSED)
    assert subject == "Your seat is kept, your links are paused"
    assert "A person from our side will write to you" in text
    assert not_owed(plans.PAUSE_AHEAD)
    client = signed_in(enrollment.member)
    reply = client.post(payments(enrollment), {"number": "2"})
    standin.control("pay", session=reply["Location"].rpartition("/")[2])
    client.get(payments(enrollment, "?paid=1"))
    assert "Your seat is fully active again" in rendered(plans.PART_PAID)[1]
    assert [not_owed(kind) for kind in (plans.PART_OPEN, plans.PAUSE_AHEAD, plans.PAUSED)] == [
        True
    ] * 3


def test_whoever_pays_before_any_pause_reads_of_none_that_ended(standin: Standin) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "authentication_required")
    make_due(enrollment)
    charging.charge_due(now=now())
    client = signed_in(enrollment.member)
    reply = client.post(payments(enrollment), {"number": "2"})
    standin.control("pay", session=reply["Location"].rpartition("/")[2])
    client.get(payments(enrollment, "?paid=1"))
    text = rendered(plans.PART_PAID)[1]
    assert "Nothing is overdue any more. Your seat and your links go on as they were." in text
    assert "active again" not in text


def test_mails_take_as_many_queries_for_three_as_for_one(standin: Standin) -> None:
    from outbox.kinds import render

    counts = []
    for size in (1, 3):
        while Instalment.objects.filter(number=2, status="due", tries=1).count() < size:
            enrollment = a_plan(standin)
            card_does(standin, enrollment, "authentication_required")
            make_due(enrollment)
            charging.charge_due(now=now())
        plans.watch_overdue(now=now() + 6 * DAY)
        plans.watch_overdue(now=now() + 7 * DAY)
        row = []
        for kind in ("seat-confirmed", plans.PART_OPEN, plans.PAUSE_AHEAD, plans.PAUSED):
            with CaptureQueriesContext(connection) as captured:
                render(kind, list(Message.objects.filter(kind=kind)), now())
            row.append(len(captured))
        counts.append(row)
    assert counts[0] == counts[1]


# --- Queries --------------------------------------------------------------------------------


def test_the_minutes_look_costs_nothing_for_plans_of_which_nothing_is_due(
    standin: Standin,
) -> None:
    counts = []
    for _ in range(2):
        a_plan(standin)
        with CaptureQueriesContext(connection) as captured:
            tasks.charge_due_instalments()
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 6


def test_the_payments_page_takes_as_many_queries_for_one_paid_part_as_for_three(
    standin: Standin,
) -> None:
    enrollment = a_plan(standin)
    client = signed_in(enrollment.member)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(payments(enrollment))
        return len(captured)

    client.get(payments(enrollment))
    before = queries()
    for number in (2, 3):
        charging.charge_due(now=when_due(standin, enrollment, number))
    assert statuses(enrollment) == ["paid"] * 3
    assert queries() == before


def test_in_trouble_takes_one_query(standin: Standin) -> None:
    for _ in range(2):
        enrollment = a_plan(standin)
        card_does(standin, enrollment, "authentication_required")
        make_due(enrollment)
        charging.charge_due(now=now())
    with CaptureQueriesContext(connection) as captured:
        rows = [
            (one.enrollment.member.email, one.enrollment.cohort.name, one.enrollment.plan.made_at)
            for one in plans.in_trouble(now())
        ]
    assert (len(rows), len(captured)) == (2, 1)


def test_a_plan_has_one_page_open_at_a_time(standin: Standin) -> None:
    from django.db.models import Q

    enrollment = a_plan(standin)
    ask = {"whose": Q(pk=enrollment.pk), "number": 2}
    first = part_checkout.start_part_checkout(**ask, now=now())  # type: ignore[arg-type]
    assert part_checkout.start_part_checkout(**ask, now=now()) == first  # type: ignore[arg-type]
    assert plan_of(enrollment).overdue_since is None
