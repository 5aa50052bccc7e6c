"""Refunding a group in a browser without JavaScript: choose, look, press, watch, decide."""

import html
import re
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from billing import failed_refunds, runs
from billing.failed_refunds import Way
from billing.models import Refund, RefundRun, RunItem
from billing.policy import Basis
from enrollment.states import Status
from outbox.models import Message
from outbox.services import deliver_due
from sessions.models import Cohort
from tests.billing.decided import after, decide, go_through
from tests.billing.people import a_billing_admin, at_the_desk
from tests.billing.run_people import (
    a_paid_group,
    approve,
    carry_on,
    look,
    people,
    some,
    start,
    states,
)
from tests.enrollment.builders import a_confirmed_seat, a_place_in_line
from tests.enrollment.pages import said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_sessions_later(settings: Settings) -> Any:
    settings.REFUND_SECOND_PERSON_CENTS = None
    with time_machine.travel(after(3), tick=False):
        yield


@pytest.fixture
def desk() -> Client:
    return at_the_desk(a_billing_admin("Kim Ledger"))


def page_of(cohort: Cohort) -> str:
    return reverse("billing:run_new", args=[cohort.slug])


def typed(**changes: Any) -> dict[str, Any]:
    return {"who": "everybody", "basis": "policy", "reason": "Too few people", **changes}


def hidden(response: Any) -> dict[str, Any]:
    """What a rehearsal would send when it is confirmed."""
    page = response.content.decode()
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page):
        found.setdefault(name, []).append(html.unescape(value))
    key = re.search(r'name="confirm" value="([^"]*)"', page)
    assert key
    return {**found, "confirm": key[1]}


def press(desk: Client, cohort: Cohort, **changes: Any) -> Any:
    """Look, then press."""
    shown = desk.post(page_of(cohort), typed(**changes))
    assert shown.status_code == 200, shown.context["form"].errors
    return desk.post(page_of(cohort), hidden(shown), follow=True)


def errors(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 422
    return dict(response.context["form"].errors)


# --- Beginning --------------------------------------------------------------------------


def test_the_way_there_is_on_the_groups_list(desk: Client) -> None:
    cohort = a_paid_group(1)
    page = desk.get(reverse("billing:search"), {"cohort": cohort.slug})
    assert page_of(cohort) in page.content.decode()


def test_a_draft_has_no_such_page(desk: Client) -> None:
    cohort = a_paid_group(1)
    Cohort.objects.filter(pk=cohort.pk).update(status=Cohort.Status.DRAFT)
    assert desk.get(page_of(cohort)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"who": ""}, {"who": ["Choose who gets money back."]}),
        ({"basis": ""}, {"basis": ["Choose how much goes back."]}),
        (
            {"who": "some"},
            {
                "members": ["Choose at least one member."],
                "seat": ["Choose what becomes of their seats."],
            },
        ),
        (
            {"who": "some", "seat": "keep", "members": ["0"]},
            {"members": ["Choose among the members of this group."]},
        ),
        (
            {"basis": "cancelled"},
            {"basis": ["Nobody stays in a group that is not held: choose another way."]},
        ),
    ],
)
def test_a_mistake_is_said_where_it_was_made(
    desk: Client, changes: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    cohort = a_paid_group(1)
    reply = desk.post(page_of(cohort), typed(**changes))
    assert errors(reply) == expected
    assert "Too few people" in reply.content.decode()


def test_to_choose_those_who_get_nothing_by_it_is_a_mistake(desk: Client) -> None:
    cohort = a_paid_group(0)
    free = a_confirmed_seat(cohort=cohort)
    reply = desk.post(
        page_of(cohort), typed(who="some", members=[free.pk], seat="keep", basis="full")
    )
    assert errors(reply) == {"members": [runs.NOBODY]}


def test_the_rehearsal_shows_everybody_and_the_very_mails(desk: Client) -> None:
    cohort = a_paid_group(2, capacity=3)
    a_confirmed_seat(cohort=cohort)
    a_place_in_line(cohort=cohort)
    before = Message.objects.count()
    shown = desk.post(page_of(cohort), typed())
    words = said(shown)
    assert "What goes back: $448.50" in words
    assert "9 sessions are cancelled at once" in words
    assert "1 person waits for a seat" in words
    assert words.count("Your refund of $224.25 is on its way") == 2
    assert "Your group can't be held any longer" in html.unescape(words)
    assert (Message.objects.count(), RefundRun.objects.count()) == (before, 0)
    promised = [mail.text for _, letters in shown.context["people"] for mail in letters]
    desk.post(page_of(cohort), hidden(shown))
    carry_on()
    sent = Message.objects.filter(kind__in=["refund-sent", "seat-freed"])
    assert sent.filter(kind="seat-freed").count() == 1
    assert len(promised) == 3


def test_back_keeps_what_was_typed(desk: Client) -> None:
    cohort = a_paid_group(3)
    first, second, _ = people(cohort)
    asked = typed(who="some", members=[first.pk, second.pk], seat="free")
    shown = desk.post(page_of(cohort), asked)
    sent = hidden(shown)
    del sent["confirm"]
    page = desk.post(page_of(cohort), {**sent, "back": "1"})
    assert page.status_code == 200
    assert page.content.decode().count(" checked") == 5
    assert "Too few people" in page.content.decode()


def test_confirming_begins_it_and_pressing_twice_begins_nothing_more(desk: Client) -> None:
    cohort = a_paid_group(2)
    sent = hidden(desk.post(page_of(cohort), typed()))
    for _ in range(2):
        reply = desk.post(page_of(cohort), sent)
        assert reply["Location"] == RefundRun.objects.get().get_absolute_url()
    carry_on()
    assert Refund.objects.count() == 2


def test_a_stale_page_begins_nothing_and_shows_what_stands_now(desk: Client) -> None:
    cohort = a_paid_group(2)
    sent = hidden(desk.post(page_of(cohort), typed()))
    decide(people(cohort)[0], basis=Basis.AMOUNT, amount=500)
    reply = desk.post(page_of(cohort), sent)
    assert reply.status_code == 409
    assert "Something has changed since you looked" in said(reply)
    assert "$219.25" in said(reply)
    assert RefundRun.objects.count() == 0
    assert desk.post(page_of(cohort), hidden(reply), follow=True).status_code == 200
    assert RefundRun.objects.count() == 1


def test_a_made_up_press_shows_the_rehearsal_again(desk: Client) -> None:
    cohort = a_paid_group(1)
    reply = desk.post(page_of(cohort), typed(confirm="nonsense", seen="x"))
    assert (reply.status_code, RefundRun.objects.count()) == (200, 0)


def test_an_old_code_of_the_second_factor_begins_nothing(desk: Client) -> None:
    cohort = a_paid_group(1)
    sent = hidden(desk.post(page_of(cohort), typed()))
    with time_machine.travel(after(3).timestamp() + 25 * 60, tick=False):
        reply = desk.post(page_of(cohort), sent)
    assert "reauthenticate" in reply["Location"]
    assert RefundRun.objects.count() == 0


def test_every_page_asks_the_database_as_often_for_ten_as_for_three(desk: Client) -> None:
    def queries(members: int) -> dict[str, int]:
        cohort = a_paid_group(members, capacity=10)
        decide(people(cohort)[0], basis=Basis.AMOUNT, amount=500)
        counts = {}

        def count(name: str, path: str, data: dict[str, Any] | None = None) -> None:
            with CaptureQueriesContext(connection) as found:
                reply = desk.get(path) if data is None else desk.post(path, data)
            assert reply.status_code == 200
            counts[name] = len(found)

        count("form", page_of(cohort))
        count("rehearsal", page_of(cohort), typed())
        run = start(cohort)
        count("run", run.get_absolute_url())
        carry_on()
        count("run, done", run.get_absolute_url())
        return counts

    assert queries(3) == queries(10)


# --- Watching, pausing, stopping --------------------------------------------------------


def test_the_page_says_how_far_it_is(desk: Client) -> None:
    cohort = a_paid_group(3)
    run = start(cohort)
    assert "0 of 3 done" in said(desk.get(run.get_absolute_url()))
    decide(people(cohort)[2], basis=Basis.AMOUNT, amount=500)
    carry_on()
    words = said(desk.get(run.get_absolute_url()))
    assert "2 of 3 done" in words
    assert "$448.50 of $672.75" in words
    assert "It comes to $219.25 now, not to $224.25." in words


def test_progress_is_a_part_of_the_page_until_it_is_over(desk: Client) -> None:
    run = start(a_paid_group(1))
    path = reverse("billing:run_progress", args=[run.uuid])
    part = desk.get(path)
    assert "0 of 1 done" in part.content.decode()
    assert "<html" not in part.content.decode()
    carry_on()
    assert desk.get(path)["HX-Refresh"] == "true"


def test_pausing_and_going_on(desk: Client) -> None:
    run = start(a_paid_group(2))
    desk.post(run.get_absolute_url(), {"act": "pause"})
    run.refresh_from_db()
    assert (run.state, carry_on()) == ("paused", 0)
    desk.post(run.get_absolute_url(), {"act": "go_on"})
    assert carry_on() == 2


def test_stopping_says_first_what_it_means(desk: Client) -> None:
    run = start(a_paid_group(3))
    asked = desk.post(run.get_absolute_url(), {"act": "stop"})
    assert "nothing is done for 3 people: $672.75 does not go back" in said(asked)
    run.refresh_from_db()
    assert (run.state, states(run)) == ("paused", ["todo"] * 3)
    stale = desk.post(run.get_absolute_url(), {"act": "stop_now", "seen": "2"})
    assert stale.status_code == 409
    desk.post(run.get_absolute_url(), {"act": "stop_now", "seen": "3"})
    run.refresh_from_db()
    assert (run.state, states(run)) == ("stopped", ["aside"] * 3)
    late = desk.post(run.get_absolute_url(), {"act": "stop_now", "seen": "3"}, follow=True)
    assert "Somebody else decided this meanwhile" in said(late)


def test_a_second_person_sees_everybody_and_agrees(desk: Client, settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 0
    cohort = a_paid_group(2)
    reply = press(desk, cohort)
    run = RefundRun.objects.get()
    assert "You asked for this, so somebody else has to agree." in said(reply)
    assert b'value="approve"' not in reply.content
    ada = at_the_desk(a_billing_admin("Ada"))
    page = ada.get(run.get_absolute_url())
    assert "What goes back: $448.50" in said(page)
    stale = ada.post(run.get_absolute_url(), {"act": "approve", "seen": "older"})
    assert stale.status_code == 409
    ada.post(run.get_absolute_url(), {"act": "approve", "seen": page.context["plan"].seen})
    run.refresh_from_db()
    assert run.state == "running"


def test_a_second_person_may_decline(desk: Client, settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 0
    cohort = a_paid_group(2)
    run = start(cohort)
    reply = desk.post(run.get_absolute_url(), {"act": "stop_now", "seen": "2"}, follow=True)
    run.refresh_from_db()
    cohort.refresh_from_db()
    assert (run.state, cohort.status) == ("stopped", Cohort.Status.PUBLISHED)
    words = said(reply)
    assert "It is declined: nothing was done." in words
    assert "Stopped" not in words
    assert " Declined by Kim Ledger," in words
    assert words.count("Not done: the refund was declined before it began.") == 2
    assert "declined, nothing was done" in said(desk.get(page_of(cohort)))


def test_whoever_asked_may_take_it_back(desk: Client, settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 0
    press(desk, a_paid_group(2))
    run = RefundRun.objects.get()
    reply = desk.post(run.get_absolute_url(), {"act": "stop_now", "seen": "2"}, follow=True)
    assert "It is taken back: nothing was done." in said(reply)
    assert " Taken back by Kim Ledger," in said(desk.get(run.get_absolute_url()))


def test_one_that_was_agreed_to_and_stopped_says_so(desk: Client, settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 0
    run = start(a_paid_group(2))
    approve(run)
    runs.pause(run=run)
    reply = desk.post(run.get_absolute_url(), {"act": "stop_now", "seen": "2"}, follow=True)
    words = said(reply)
    assert "It is stopped. Who was done stays done." in words
    assert " Stopped by Kim Ledger," in words
    assert words.count(runs.STOPPED) == 2
    assert "eclined" not in words


@pytest.mark.parametrize(
    ("way", "said_then"),
    [
        ("paid", "$224.25: failed, and settled: Check 7"),
        ("not-owed", "$224.25: failed, and settled: Not owed any more: Check 7"),
        ("again", "$224.25: failed, and sent again"),
    ],
)
def test_what_failed_and_was_settled_waits_for_nobody(
    desk: Client, way: str, said_then: str
) -> None:
    run = start(a_paid_group(2))
    carry_on()
    for refund in Refund.objects.order_by("pk"):
        go_through(refund, "failed")
    words = said(desk.get(run.get_absolute_url()))
    assert "2 refunds failed at Stripe" in words
    assert words.count("What to do") == 2
    found = Refund.objects.earliest("pk")
    failed_refunds.press(
        refund_uuid=found.uuid,
        way=Way(way),
        words="Check 7",
        seen=failed_refunds.preview(refund=found, way=Way(way)).seen,
        actor=a_billing_admin(),
        now=after(3),
    )
    words = said(desk.get(run.get_absolute_url()))
    assert "1 refund failed at Stripe" in words
    assert said_then in words
    assert words.count("What to do") == 1


def test_what_is_not_over_stands_in_the_queue(desk: Client) -> None:
    run = start(a_paid_group(2))
    assert run.get_absolute_url() in desk.get(reverse("billing:money")).content.decode()
    carry_on()
    assert run.get_absolute_url() not in desk.get(reverse("billing:money")).content.decode()


# --- Who is left ------------------------------------------------------------------------


def a_changed_item() -> RunItem:
    cohort = a_paid_group(2)
    run = start(cohort)
    decide(people(cohort)[0], basis=Basis.AMOUNT, amount=500)
    carry_on()
    return run.items.get(state="changed")


def path_of(item: RunItem) -> str:
    return reverse("billing:run_item", args=[item.run.uuid, item.pk])


def test_somebody_who_changed_is_shown_with_the_new_amount_and_done(desk: Client) -> None:
    item = a_changed_item()
    page = desk.get(path_of(item))
    assert "What goes back: $219.25" in said(page)
    assert "your group can" in said(page)
    reply = desk.post(path_of(item), {"again": "1", "seen": page.context["seen"]}, follow=True)
    assert "$219.25 is on its way back. They are out of the group." in said(reply)
    item.refresh_from_db()
    item.run.refresh_from_db()
    assert (item.state, item.run.state) == ("done", "done")
    assert item.enrollment.status == Status.WITHDRAWN
    twice = desk.post(path_of(item), {"again": "1", "seen": page.context["seen"]})
    assert twice.status_code == 409
    assert Refund.objects.filter(enrollment=item.enrollment).count() == 2


def test_a_stale_look_at_somebody_does_nothing(desk: Client) -> None:
    item = a_changed_item()
    reply = desk.post(path_of(item), {"again": "1", "seen": "older"})
    assert reply.status_code == 409
    item.refresh_from_db()
    assert item.state == "changed"


def test_setting_somebody_aside_asks_what_is_done_instead(desk: Client) -> None:
    item = a_changed_item()
    assert errors(desk.post(path_of(item), {"aside": "1"})) == {"how": ["Say what you do instead."]}
    desk.post(path_of(item), {"aside": "1", "how": "By check"})
    item.refresh_from_db()
    item.run.refresh_from_db()
    assert (item.state, item.words) == ("aside", "Set aside by Kim Ledger: By check")
    assert item.run.state == "done"


def test_an_item_of_another_run_is_not_found(desk: Client) -> None:
    item, other = a_changed_item(), start(a_paid_group(1))
    assert desk.get(reverse("billing:run_item", args=[other.uuid, item.pk])).status_code == 404


# --- The mails --------------------------------------------------------------------------


def test_the_mail_is_the_one_that_was_shown(desk: Client, mailoutbox: list[Any]) -> None:
    cohort = a_paid_group(1)
    shown = desk.post(page_of(cohort), typed())
    ((_, (letter,)),) = shown.context["people"]
    desk.post(page_of(cohort), hidden(shown))
    carry_on()
    refund = Refund.objects.get()
    go_through(refund)
    deliver_due(clock=lambda: after(3), limit=100)
    theirs = [one for one in mailoutbox if one.subject == letter.subject]
    assert [one.body for one in theirs] == [letter.text]
    assert "We are sorry: your group can't be held any longer." in letter.text


def test_who_stays_in_a_group_that_goes_on_reads_nothing_of_an_end(desk: Client) -> None:
    cohort = a_paid_group(2)
    line = look(cohort, some(people(cohort)[0])).lines[0]
    shown = desk.post(
        page_of(cohort),
        typed(who="some", members=[line.enrollment.pk], seat="keep", basis="full"),
    )
    assert "held any longer" not in said(shown)
    assert "Your seat stays yours." in said(shown)
