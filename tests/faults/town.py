"""Web, worker and Stripe's stand-in as processes, and people who go from one to the other."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from django.db.models import F
from django.test import Client

from billing.models import CheckoutAttempt, Payment, Refund
from enrollment.models import Enrollment
from outbox.models import Message
from sandbox.ports import HOST, free_port
from sandbox.stripe_standin.errors import check_contract
from sessions.models import Cohort
from tests.billing.builders import seat_of
from tests.billing.test_pay_page import signed_in, url
from tests.faults.processes import Processes

JSON = dict[str, Any]
TIMEOUT = 30


class Stripe:
    """The stand-in's controls and reports, over HTTP."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}"

    def control(self, name: str, **arguments: Any) -> JSON:
        reply = requests.post(f"{self.url}/_control/{name}", json=arguments, timeout=TIMEOUT)
        assert reply.status_code == 200, reply.text
        changed: JSON = reply.json()
        return changed

    def report(self, name: str) -> Any:
        return requests.get(f"{self.url}/_control/{name}", timeout=TIMEOUT).json()

    def strike(self, route: str, *, kind: str, when: str) -> None:
        """Every try from now on fails; the first of them before or after its effect."""
        again = {"route": route, "kind": kind, "seconds": 0.05}
        self.control("fault", **again, when=when)
        self.control("fault", **again, times=1000)

    def unfinished(self) -> set[str]:
        """The states of the webhooks that have not been delivered."""
        return {row["state"] for row in self.report("pending")}


@dataclass
class Town:
    parts: Processes
    stripe: Stripe
    web: str

    def press_pay(self, enrollment: Enrollment) -> bool:
        """Whether the button leads to Stripe; else the page says that nothing was charged."""
        browser = self.browser(enrollment)
        page = browser.get(f"{self.web}{url(enrollment)}", timeout=TIMEOUT)
        token = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        reply = browser.post(
            f"{self.web}{url(enrollment)}",
            data={"csrfmiddlewaretoken": token},
            allow_redirects=False,
            timeout=TIMEOUT,
        )
        if reply.status_code == 503:
            assert "Nothing was charged" in reply.text
            return False
        assert reply.status_code == 302, reply.text
        return urlsplit(reply.headers["Location"]).path.startswith("/pay/cs_test_")

    def come_back(self, enrollment: Enrollment) -> None:
        page = self.browser(enrollment).get(
            f"{self.web}{url(enrollment, 'return/')}", timeout=TIMEOUT
        )
        assert page.status_code == 200, page.text

    def browser(self, enrollment: Enrollment) -> requests.Session:
        """One that is signed in as the enrolment's member."""
        client: Client = signed_in(enrollment.member)
        browser = requests.Session()
        browser.cookies.set("sessionid", client.cookies["sessionid"].value)
        return browser

    def pay(self, enrollment: Enrollment, outcome: str = "paid") -> str:
        """At Stripe's page; returns the session's id."""
        attempt = enrollment.attempts.get(status="open")
        assert attempt.stripe_session_id
        self.stripe.control("pay", session=attempt.stripe_session_id, outcome=outcome)
        return attempt.stripe_session_id

    def run(self, *tasks: str) -> None:
        """Have the worker do what beat asks for, one after the other."""
        for task in tasks:
            self.parts.enqueue(f"billing.tasks.{task}")
            self.parts.wait_until_idle()

    def sweep(self) -> None:
        self.run("release_overdue_holds", "apply_stored_events", "submit_open_refunds", "reconcile")

    def webhooks_arrive(self) -> None:
        """All that are due, and what they make the worker do."""
        self.parts.wait_until("webhooks", lambda: self.stripe.unfinished() <= {"dropped"})
        self.parts.wait_until_idle()


def minutes_pass(group: Cohort, minutes: int) -> None:
    """What happened in this group happened so much earlier, by SQL."""
    by = dt.timedelta(minutes=minutes)
    attempts = CheckoutAttempt.objects.filter(enrollment__cohort=group)
    attempts.update(created_at=F("created_at") - by, expires_at=F("expires_at") - by)
    Enrollment.objects.filter(cohort=group).update(held_until=F("held_until") - by)
    refunds = Refund.objects.filter(payment__enrollment__cohort=group)
    refunds.update(submitted_at=F("submitted_at") - by)


def end_of(group: Cohort, stripe: Stripe) -> list[JSON]:
    """Where everybody of a group stands at the end, here and in Stripe's books."""
    books = stripe.report("books")["rows"]
    return [_end_of(one, books) for one in Enrollment.objects.filter(cohort=group).order_by("pk")]


def _end_of(enrollment: Enrollment, books: list[JSON]) -> JSON:
    attempts = enrollment.attempts.all()
    references = {str(attempt.uuid) for attempt in attempts}
    rows = [row for row in books if row["client_reference_id"] in references]
    payments = Payment.objects.filter(enrollment=enrollment)
    refunds = Refund.objects.filter(payment__in=payments).order_by("pk")
    mails = Message.objects.filter(subject_id=enrollment.pk).exclude(kind="refund-sent")
    refund_mails = Message.objects.filter(kind="refund-sent", subject_id__in=refunds)
    return {
        "status": enrollment.status,
        "seat": seat_of(enrollment) is not None,
        "attempts": [one.status for one in attempts if one.status != "failed"],
        "paid": list(payments.values_list("amount_cents", "refund_reserved_cents")),
        "refunds": list(refunds.values_list("amount_cents", "status")),
        "mails": sorted([one.kind for one in mails] + [one.kind for one in refund_mails]),
        "charged": [(row["charges"], row["charged"]) for row in rows if row["charged"]],
        "given back": sum(row["refunded"] for row in rows),
    }


@contextmanager
def open_town(parts: Processes) -> Iterator[Town]:
    """Raises ContractBroken at the end if anything said to Stripe did not fit its types."""
    parts.standin_port = free_port()
    stripe = Stripe(parts.standin_port)
    parts.environment |= {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings_impatient",
        "STRIPE_SECRET_KEY": "sk_test_standin",
        "STRIPE_WEBHOOK_SECRET": "whsec_standin",
        "STRIPE_API_BASE": stripe.url,
        "STRIPE_CHECKOUT_ORIGIN": stripe.url,
    }
    web = parts.start_web("grouport.wsgi", workers=1, threads=8, name="web")
    parts.start_standin(web)
    parts.start_worker()
    yield Town(parts, stripe, f"http://{HOST}:{web}")
    check_contract(parts.log("standin"))
