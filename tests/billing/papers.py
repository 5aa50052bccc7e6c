"""People with seats, money and attendance, for tests of what is printed about them."""

import datetime as dt
import re
from typing import Any

import pypdfium2
from django.test import Client

from accounts.models import User
from billing import ledger
from billing.models import IssuedPaper, LedgerEntry, Payment, Refund
from billing.papers import issuing
from billing.papers.paper import Paper
from enrollment.models import Attendance, Enrollment
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    NOW,
    a_confirmed_seat,
    a_member,
    an_intake,
    session,
)

PRICE = 29_900
AFTER = FIRST_SESSION + 13 * 7 * 24 * HOUR
CLINICAL = r"\bdbt\b|therap|skills?\b|diagnos|mindful|emotion|treatment|patient|jit\.si|/join/"


def a_paid_seat(cents: int = PRICE, **fields: Any) -> Enrollment:
    enrollment = a_confirmed_seat(**fields)
    if cents:
        pays(enrollment, cents)
    return issuing.enrollments().get(pk=enrollment.pk)


def pays(enrollment: Enrollment, cents: int, at: dt.datetime = NOW) -> Payment:
    payment = Payment.objects.create(
        enrollment=enrollment, amount_cents=cents, currency="usd", paid_at=at
    )
    ledger.post_charge(payment=payment, at=at)
    return payment


def gets_back(
    payment: Payment, cents: int, at: dt.datetime = NOW + HOUR, *, fails: bool = False
) -> None:
    """A refund that Stripe has taken; one that `fails` came back afterwards."""
    refund = Refund.objects.create(
        payment=payment,
        enrollment_id=payment.enrollment_id,
        amount_cents=cents,
        reason="desk",
        requested_at=at,
    )
    ledger.post_refund(refund=refund, at=at)
    if fails:
        ledger.post_failed_refund(refund=refund, at=at + HOUR)


def posts(enrollment: Enrollment, kind: LedgerEntry.Kind, cents: int) -> None:
    ledger.post(
        enrollment_id=enrollment.pk,
        kind=kind,
        amount_cents=cents,
        currency="usd",
        key=f"{kind}:{enrollment.pk}:{cents}",
        at=NOW + 2 * HOUR,
    )


def comes(enrollment: Enrollment, *weeks: int) -> None:
    for number in weeks:
        week = session(enrollment.cohort, number)
        Attendance.objects.create(
            enrollment=enrollment, session=week, arrived_at=week.starts_at, location="NY"
        )


def may_have_superbills(enrollment: Enrollment) -> None:
    programme = enrollment.cohort.programme
    programme.superbill_allowed = True
    programme.save(update_fields=["superbill_allowed"])


def somebody(name: str = "Sam Rivers") -> User:
    """With answers, whose legal name is another than the one they go by."""
    member = a_member(display_name=name)
    an_intake(member)
    return member


def issued(kind: str, enrollment: Enrollment, now: dt.datetime = AFTER, **more: Any) -> IssuedPaper:
    enrollment = issuing.enrollments().get(pk=enrollment.pk)
    return issuing.issue(kind=IssuedPaper.Kind(kind), enrollment=enrollment, now=now, **more)


def paper(kind: str, enrollment: Enrollment, now: dt.datetime = AFTER, **more: Any) -> Paper:
    return issuing.read(issued(kind, enrollment, now, **more))


def cents(words: str) -> int:
    """What "$1,299.00" is in cents."""
    sign = -1 if words.startswith("-") else 1
    return sign * int(re.sub(r"\D", "", words))


def signed_in(member: User) -> Client:
    client = Client()
    client.force_login(member)
    return client


def pdf_words(content: bytes) -> str:
    """The text of all pages, with one space between words."""
    with pypdfium2.PdfDocument(content) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return " ".join(" ".join(pages).split())
