"""What money leaves behind: lines of the ledger, refunds, disputes, parts, codes, comparisons.

One model row of each, written by the application's own models; the copies are made in `bulk`.
"""

import datetime as dt

from django.utils import timezone

from accounts.models import User
from bench.bulk import Copier
from billing.models import (
    Difference,
    Dispute,
    Instalment,
    InstalmentTry,
    IssuedPaper,
    LedgerEntry,
    MemberRequest,
    Payment,
    PaymentPlan,
    PromotionCode,
    Reconciliation,
    Redemption,
    Refund,
    RefundDecision,
    RefundRun,
    RunItem,
    Transfer,
)
from enrollment.models import Enrollment
from outbox.models import Message, State

CODES = 40
COMPARISONS = 500
_OWN = {"enrollment_id": "%(enrollment)s + n"}
_KEYS = {"uuid": "gen_random_uuid()"}


def bought_at(now: dt.datetime) -> str:
    """SQL for when each bought: over some years, and long before the last days."""
    return (
        f"'{now.isoformat()}'::timestamptz - interval '95 days'"
        " - (n %% 1500) * interval '1 day' - (n %% 3600) * interval '1 second'"
    )


def changes(now: dt.datetime) -> dict[str, dict[str, str]]:
    """Columns of the other tables in which these copies differ: the times, and the names."""
    at = bought_at(now)
    return {
        "accounts_user": {"display_name": "'Name' || (n %% 997) || ' Family' || n"},
        "group_sessions_cohort": {"name": "'Group model ' || n"},
        "enrollment_enrollment": {"reserved_at": at, "confirmed_at": at},
        "enrollment_enrollmentmove": {"at": at},
        "billing_checkoutattempt": {
            "created_at": at,
            "expires_at": f"{at} + interval '31 minutes'",
        },
        "billing_payment": {"paid_at": at},
        "billing_stripeevent": {"received_at": at, "applied_at": at},
    }


def write_model(*, model: Enrollment, now: dt.datetime) -> None:
    """What the model enrolment's money went through; everything is over and settled."""
    staff = User.objects.create(email="settled@example.org", display_name="Kim Ledger")
    payment = Payment.objects.get(enrollment=model)
    _write_lines(model, now)
    decision = RefundDecision.objects.create(
        enrollment=model, basis="policy", amount_cents=100, currency="usd", frees_seat=False,
        policy_version="1", status="done", needs_second=False, made_by=staff, made_at=now,
        decided_by=staff, decided_at=now,
    )  # fmt: skip
    Refund.objects.create(
        payment=payment, enrollment=model, amount_cents=100, status="succeeded", reason="policy",
        stripe_refund_id="re_model", requested_at=now, submitted_at=now, settled_at=now,
        decision=decision,
    )  # fmt: skip
    for status in (Dispute.Status.WON, Dispute.Status.LOST):
        Dispute.objects.create(
            stripe_dispute_id=f"dp_model_{status}", payment=payment, amount_cents=100,
            currency="usd", reason="fraudulent", status=status, opened_at=now, closed_at=now,
            asked_at=now, seat_decision="keep", seat_decided_by=staff, seat_decided_at=now,
        )  # fmt: skip
    _write_parts(model, payment, now)
    _write_prices(model, staff, now)
    _write_wishes(model, staff, decision, now)
    _write_books(model, staff, now)


def _write_lines(model: Enrollment, now: dt.datetime) -> None:
    for kind, cents in (("charge", model.price_cents), ("fee", -897), ("refund", -100)):
        LedgerEntry.objects.create(
            enrollment=model, kind=kind, amount_cents=cents, currency="usd", at=now,
            stripe_id="pi_model", key=f"{kind}:model",
        )  # fmt: skip


def _write_parts(model: Enrollment, payment: Payment, now: dt.datetime) -> None:
    PaymentPlan.objects.create(enrollment=model, stripe_customer_id="cus_model", made_at=now)
    later = now + dt.timedelta(days=60)  # nothing is due yet
    for number, status in ((1, "paid"), (2, "cancelled"), (3, "due")):
        part = Instalment.objects.create(
            enrollment=model, number=number, amount_cents=100, currency="usd", due_at=later,
            status=status, payment=payment if status == "paid" else None,
            next_try_at=later if status == "due" else None,
        )  # fmt: skip
        if status == "paid":
            InstalmentTry.objects.create(
                instalment=part, number=1, params={}, status="succeeded",
                stripe_payment_intent_id="pi_try", created_at=now, asked_at=now, settled_at=now,
            )  # fmt: skip


def _write_prices(model: Enrollment, staff: User, now: dt.datetime) -> None:
    for number in range(CODES):
        code = PromotionCode.objects.create(
            code=f"CODE{number}", percent_off=10, starts_at=now, made_by=staff, made_at=now
        )
    Redemption.objects.create(enrollment=model, code=code, off_cents=100, at=now)


def _write_wishes(
    model: Enrollment, staff: User, decision: RefundDecision, now: dt.datetime
) -> None:
    MemberRequest.objects.create(
        enrollment=model, asked_at=now, wish="other", decided_at=now, decided_by=staff, answer="Yes"
    )
    run = RefundRun.objects.create(
        cohort=model.cohort, ends_group=False, basis="full", frees_seat=False, state="done",
        needs_second=False, made_by=staff, made_at=now, finished_at=now,
    )  # fmt: skip
    RunItem.objects.create(
        run=run, enrollment=model, cents=100, state="done", decision=decision, at=now
    )
    target = Enrollment.objects.create(
        member=model.member, cohort=model.cohort, status="withdrawn", reserved_at=now, price_cents=1
    )
    Transfer.objects.create(
        source=model, target=target, credit_cents=1, price_cents=1, state="done", made_by=staff,
        made_at=now, done_at=now,
    )  # fmt: skip


def _write_books(model: Enrollment, staff: User, now: dt.datetime) -> None:
    run = Reconciliation.objects.create(
        starts_at=now - dt.timedelta(days=3), ends_at=now, cursor=now, state="done",
        asked_by=staff, started_at=now, finished_at=now,
    )  # fmt: skip
    Difference.objects.create(
        key="model", run=run, kind="amount", about="payment", stripe_id="pi_model",
        enrollment=model, currency="usd", ours_cents=1, theirs_cents=2, first_seen_at=now,
        last_seen_at=now, resolved_at=now, resolved_by=staff, how="by_hand",
    )  # fmt: skip
    IssuedPaper.objects.create(
        enrollment=model, kind="estimate", version=1, issued_at=now, issued_to=model.member,
        content={"lines": ["Twelve sessions"] * 10},
    )  # fmt: skip
    Message.objects.create(
        kind="estimate-ready", recipient_id=model.member_id, subject_id=model.pk, occasion_id=0,
        next_try_at=now, created_at=now, state=State.SENT, sent_at=now, attempts=1,
    )  # fmt: skip


def _of_each(step: int) -> str:
    return f"generate_series({step}, %(members)s, {step}) AS n"


def copy(copier: Copier) -> None:
    """As many as a practice has: a refund of ten, a dispute of two hundred, parts of four."""
    at = bought_at(timezone.now())
    for kind, each in (("charge", 1), ("fee", 1), ("refund", 10)):
        copier.copy(
            "billing_ledgerentry", f"t.key = '{kind}:model'", _of_each(each), **_OWN,
            key=f"'{kind}:past:' || n", at=at,
            stripe_id="'pi_past_' || n" if kind != "refund" else "'re_past_' || n",
        )  # fmt: skip
    copier.copy(
        "billing_refunddecision", "true", _of_each(10), **_OWN, **_KEYS, made_at=at, decided_at=at
    )
    copier.copy(
        "billing_refund", "t.stripe_refund_id = 're_model'", _of_each(10), **_OWN, **_KEYS,
        payment_id="%(payment)s + n", stripe_refund_id="'re_past_' || n",
        requested_at=at, submitted_at=at, settled_at=at,
    )  # fmt: skip
    copier.copy(
        "billing_dispute", "t.stripe_dispute_id LIKE 'dp_model_%%'", _of_each(200),
        payment_id="%(payment)s + n", stripe_dispute_id="t.stripe_dispute_id || n",
        opened_at=at, closed_at=f"{at} + interval '30 days'",
    )  # fmt: skip
    _copy_parts(copier, at)
    copier.copy(
        "billing_redemption", "true", _of_each(5), **_OWN, at=at,
        code_id=f"t.code_id - (n / 5) %% {CODES}",
    )  # fmt: skip
    copier.copy("billing_memberrequest", "true", _of_each(50), **_OWN, **_KEYS, asked_at=at)
    copier.copy("billing_runitem", "true", _of_each(100), **_OWN, decision_id="-n")
    copier.copy(
        "billing_transfer", "true", _of_each(50), **_KEYS, source_id="%(enrollment)s + n",
        target_id="%(enrollment)s + n - 1", made_at=at, done_at=at,
    )  # fmt: skip
    copier.copy("billing_difference", "true", _of_each(500), **_OWN, key="'past:' || n")
    copier.copy(
        "billing_reconciliation", "true", f"generate_series(1, {COMPARISONS}) AS n",
        starts_at="t.starts_at - n * interval '1 day'",
    )  # fmt: skip
    copier.copy("billing_issuedpaper", "true", _of_each(10), **_OWN)


def _copy_parts(copier: Copier, at: str) -> None:
    """Of those who pay in parts one in ten still has a part to come, in some weeks."""
    copier.copy(
        "billing_paymentplan",
        "true",
        _of_each(4),
        **_OWN,
        made_at=at,
        stripe_customer_id="'cus_' || n",
    )
    copier.copy(
        "billing_instalment", "t.number = 1", _of_each(4), **_OWN, **_KEYS, due_at=at,
        payment_id="%(payment)s + n",
    )  # fmt: skip
    copier.copy("billing_instalment", "t.number = 2", _of_each(4), **_OWN, **_KEYS, due_at=at)
    later = "now() + (20 + n %% 30) * interval '1 day'"
    copier.copy(
        "billing_instalment", "t.number = 3", _of_each(40), **_OWN, **_KEYS,
        due_at=later, next_try_at=later,
    )  # fmt: skip
    # Their parts are not those of the copies: nothing looks one up by a try that is settled.
    copier.copy(
        "billing_instalmenttry", "true", _of_each(4), instalment_id="-n",
        stripe_payment_intent_id="'pi_try_' || n", created_at=at,
    )  # fmt: skip
