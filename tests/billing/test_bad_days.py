"""One day at Stripe, and each of its calls failing in each way: the same end as on a good day.

Ada pays, is confirmed, and gets a part of her money back. Ben goes to the payment page and
leaves. Every fault hits all tries of one call; then Stripe is well again, people press once
more, and the sweeps come by.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from django.test import Client

from billing import gateway, refunds, sweeps
from billing.models import CheckoutAttempt, Payment, Refund
from enrollment.models import Enrollment
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    AFTER_THE_HOLD,
    CREATE,
    EXPIRE,
    MINUTE,
    PRICE,
    REFUND,
    RETRIEVE,
    a_group,
    a_seat,
    now,
    post_event,
    seat_of,
)
from tests.billing.test_pay_page import signed_in, url

pytestmark = pytest.mark.django_db(transaction=True)

PART = 10_000
ROUTES = {"create": CREATE, "retrieve": RETRIEVE, "expire": EXPIRE, "refund": REFUND}
KINDS = ("500", "429", "timeout", "reset")
FAULTS = list(product(ROUTES, KINDS, ("before", "after")))


@dataclass
class Fault:
    """What goes wrong at one of the day's calls: every try of the SDK's, then no more."""

    route: str
    kind: str
    when: str

    def strike(self, standin: Standin) -> None:
        again = {"route": ROUTES[self.route], "kind": self.kind, "seconds": 0.5}
        standin.control("fault", **again, when=self.when)
        if self.kind != "429":  # the SDK itself never asks again after one
            standin.control("fault", **again, times=2)


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real timeouts of the SDK, a hundred times shorter."""
    monkeypatch.setattr("billing.gateway.client.PATIENT", (0.15, 2))
    monkeypatch.setattr("billing.gateway.client.HURRIED", (0.15, 2))


def press_pay(client: Client, enrollment: Enrollment) -> bool:
    """Whether the press leads to Stripe; else the page says that it could not be opened."""
    reply = client.post(url(enrollment))
    if reply.status_code == 503:
        assert "Nothing was charged" in reply.content.decode()
        return False
    assert reply.status_code == 302
    return "/pay/cs_test_" in reply["Location"]


class Day:
    """The day, call by call. `fault` strikes at the call that it names."""

    def __init__(self, standin: Standin, fault: Fault | None) -> None:
        self.standin = standin
        self.fault = fault
        group = a_group(capacity=2)
        self.ada, self.ben = a_seat(group), a_seat(group)
        self.struck = 0

    def trouble(self, call: str) -> None:
        """The fault begins, if it is this call's."""
        if self.fault and self.fault.route == call:
            self.fault.strike(self.standin)
        self.ordered = self.waiting_faults()

    def waiting_faults(self) -> int:
        return sum(one["times"] for one in self.standin.report("faults"))

    def recovery(self) -> None:
        self.struck += self.ordered - self.waiting_faults()
        self.standin.control("clear_faults")
        self.ordered = 0

    def pass_by(self) -> None:
        self.go_to_the_page()
        self.pay_and_come_back()
        self.get_a_part_back()
        self.let_the_hold_run_out()

    def go_to_the_page(self) -> None:
        self.trouble("create")
        for enrollment in (self.ada, self.ben):
            client = signed_in(enrollment.member)
            if not press_pay(client, enrollment):
                self.recovery()
                assert press_pay(client, enrollment)
        self.recovery()

    def pay_and_come_back(self) -> None:
        page = CheckoutAttempt.objects.get(enrollment=self.ada, status="open")
        self.standin.control("pay", session=page.stripe_session_id)
        self.trouble("retrieve")
        assert signed_in(self.ada.member).get(url(self.ada, "return/")).status_code == 200
        self.recovery()
        self.trouble("retrieve")
        assert post_event(self.standin.events("checkout.session.completed")[0]) == 200
        sweeps.apply_stored_events(now=now())
        self.recovery()
        self.sweep(3 * MINUTE)

    def get_a_part_back(self) -> None:
        refunds.request_refund(
            payment_id=Payment.objects.get().pk,
            amount_cents=PART,
            reason=Refund.Reason.DESK,
            now=now(),
        )
        self.trouble("refund")
        sweeps.submit_open_refunds(now=now())
        self.recovery()
        self.sweep(6 * MINUTE)

    def let_the_hold_run_out(self) -> None:
        self.trouble("expire")
        sweeps.release_overdue_holds(now=now() + AFTER_THE_HOLD)
        self.recovery()
        self.sweep(AFTER_THE_HOLD + 6 * MINUTE)
        # A page that was made while the answer was a 500 ends by Stripe's own clock.
        self.standin.control("clock", advance=(AFTER_THE_HOLD + 6 * MINUTE).total_seconds())
        self.sweep(AFTER_THE_HOLD + 12 * MINUTE)

    def sweep(self, later: dt.timedelta) -> None:
        at = now() + later
        sweeps.release_overdue_holds(now=at)
        sweeps.apply_stored_events(now=at)
        sweeps.submit_open_refunds(now=at)
        sweeps.reconcile(now=at)


def end_of(day: Day) -> dict[str, Any]:
    """The normal form: what counts at the end of a day, here and in Stripe's books."""
    return {
        "ada": whereabouts(day.ada),
        "ben": whereabouts(day.ben),
        "payments": list(Payment.objects.values_list("amount_cents", "refund_reserved_cents")),
        "refunds": list(Refund.objects.values_list("amount_cents", "status")),
        "mails": sorted(Message.objects.values_list("kind", flat=True)),
        "books": {name: cents for name, cents in day.standin.books["totals"].items() if cents},
    }


def whereabouts(enrollment: Enrollment) -> tuple[str, bool, list[str]]:
    """Status, whether there is a seat, and how the attempts that had a page ended."""
    enrollment.refresh_from_db()
    attempts = enrollment.attempts.exclude(status="failed").order_by("pk")
    ends = list(attempts.values_list("status", flat=True))
    return enrollment.status, seat_of(enrollment) is not None, ends


GOOD_END = {
    "ada": ("active", True, ["paid"]),
    "ben": ("expired", False, ["expired"]),
    "payments": [(PRICE, PART)],
    "refunds": [(PART, "succeeded")],
    "mails": ["hold-expired", "refund-sent", "seat-confirmed"],
    "books": {"charged": PRICE, "charges": 1, "refunded": PART},
}


def no_page_is_doubled(standin: Standin) -> None:
    sessions = standin.world.store.tables["checkout.session"].values()
    references = [one["client_reference_id"] for one in sessions]
    assert len(references) == len(set(references))
    assert sorted(one["status"] for one in sessions if one["status"] != "expired") == ["complete"]
    failed = CheckoutAttempt.objects.filter(status="failed")
    assert set(failed.values_list("checkout_url", flat=True)) <= {""}


def test_a_good_day(standin: Standin) -> None:
    day = Day(standin, None)
    day.pass_by()
    assert end_of(day) == GOOD_END
    assert standin.books["sessions"] == {"complete": 1, "expired": 1}
    assert CheckoutAttempt.objects.count() == 2


@pytest.mark.parametrize(("route", "kind", "when"), FAULTS)
def test_a_bad_day_ends_as_a_good_one(standin: Standin, route: str, kind: str, when: str) -> None:
    day = Day(standin, Fault(route, kind, when))
    day.pass_by()
    assert day.struck > 0
    assert end_of(day) == GOOD_END
    no_page_is_doubled(standin)


def test_control_without_its_key_a_lost_answer_makes_a_second_page(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = gateway.create_checkout
    monkeypatch.setattr(
        gateway, "create_checkout", lambda **given: create(**{**given, "key": uuid.uuid4()})
    )
    Day(standin, Fault("create", "reset", "after")).pass_by()
    with pytest.raises(AssertionError):
        no_page_is_doubled(standin)
