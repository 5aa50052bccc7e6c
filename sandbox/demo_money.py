"""What demo people paid: through the checkout that everybody uses, at the stand-in for Stripe.

So each payment can be refunded, disputed and compared like one that was made on its page.
"""

import contextlib
import datetime as dt
import json
import urllib.request
from typing import Any

from django.conf import settings
from django.db.models import Q

from accounts.models import User
from billing import checkout, codes, gateway, ledger, settlement
from billing.models import CheckoutAttempt, Payment, PromotionCode
from billing.papers.issuing import ESTIMATE_READY
from enrollment import services
from enrollment.models import Enrollment
from outbox.models import Message, State
from sandbox.demo_people import ADMIN

HOUR = dt.timedelta(hours=1)


def standin_answers() -> bool:
    """Whether there is a stand-in: the environment may name the real Stripe, or nothing runs."""
    if not settings.STRIPE_API_BASE:
        return False
    try:
        _control("webhooks")
    except OSError:
        return False
    return True


def _control(name: str, **arguments: Any) -> Any:
    """Use a control of the stand-in. Raises OSError if it isn't there or refuses."""
    request = urllib.request.Request(  # noqa: S310  our own address
        f"{settings.STRIPE_API_BASE}/_control/{name}",
        json.dumps(arguments).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


def pay(held: list[Enrollment], *, code: str = "") -> None:
    """Buy these held seats, each at the moment at which it was reserved; the last with a code."""
    if standin_answers():
        if code and held:
            _use_code(held[-1], code)
        _buy(held)
    else:
        _book(held)
    # They had their estimates, so the mails that visitors cause are easy to find.
    Message.objects.bulk_create(
        Message(
            kind=ESTIMATE_READY,
            recipient_id=enrollment.member_id,
            subject_id=enrollment.pk,
            state=State.SENT,
            next_try_at=enrollment.reserved_at,
            created_at=enrollment.reserved_at,
            sent_at=enrollment.reserved_at,
        )
        for enrollment in held
    )


def _use_code(enrollment: Enrollment, code: str) -> None:
    """Use a code of the admin, which is made where it is not there yet."""
    at = enrollment.reserved_at
    if not PromotionCode.objects.filter(code=code).exists():
        admin = User.objects.get(email=ADMIN)
        made = PromotionCode(code=code, percent_off=20, starts_at=at, note="Demo data")
        codes.make_code(code=made, actor=admin, now=at)
    with contextlib.suppress(codes.CodeRefused):  # somebody has ended it since
        codes.redeem(whose=Q(pk=enrollment.pk), typed=code, now=at)


def _buy(held: list[Enrollment]) -> None:
    """One request to the stand-in, in the loader's transaction: nothing else runs yet."""
    attempts = []
    for enrollment in held:
        attempt = checkout.open_attempt(whose=Q(pk=enrollment.pk), now=enrollment.reserved_at)
        assert attempt is not None  # nobody here has a free place
        attempts.append(attempt)
    pages = [
        {
            "at": attempt.created_at.timestamp(),
            "params": attempt.params,
            "email": enrollment.member.email,
        }
        for attempt, enrollment in zip(attempts, held, strict=True)
    ]
    paid = _control("bought_before", pages=pages)["pages"]
    for attempt, page in zip(attempts, paid, strict=True):
        settlement.apply_state(attempt=attempt, state=_state(page), now=attempt.created_at)


def _state(page: dict[str, Any]) -> gateway.CheckoutState:
    """The answer of the stand-in as `gateway` would read it."""
    return gateway.CheckoutState(
        session_id=page["id"],
        url="",
        reference=page["client_reference_id"],
        open=False,
        expired=False,
        paid=page["payment_status"] == "paid",
        funds_failed=False,
        amount_cents=page["amount_total"],
        currency=page["currency"],
        live=page["livemode"],
        payment_intent_id=page["payment_intent"],
    )


def _book(held: list[Enrollment]) -> None:
    """Without a stand-in: seats that look paid for. They name no object at the real Stripe."""
    for enrollment in held:
        at = enrollment.reserved_at
        services.confirm_seat(enrollment_id=enrollment.pk, now=at, reason="Paid")
        attempt = CheckoutAttempt.objects.create(
            enrollment=enrollment,
            status=CheckoutAttempt.Status.PAID,
            amount_cents=enrollment.price_cents,
            currency=enrollment.currency,
            params={},
            created_at=at,
            expires_at=at + HOUR,
            note="Demo data",
        )
        payment = Payment.objects.create(
            attempt=attempt,
            enrollment=enrollment,
            amount_cents=attempt.amount_cents,
            currency=attempt.currency,
            paid_at=at,
        )
        ledger.post_charge(payment=payment, at=at)
