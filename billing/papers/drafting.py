"""What a paper would say if it were issued now, or why it cannot be. Reads only."""

import datetime as dt
from collections.abc import Callable

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.encryption import Unreadable
from billing.models import IssuedPaper, LedgerEntry, Payment
from billing.papers.estimate import estimate
from billing.papers.paper import Paper
from billing.papers.parties import Person, Provider
from billing.papers.receipt import NOT_THEIRS, kept, receipt
from billing.papers.shares import fees
from billing.papers.superbill import Billed, superbill
from enrollment.attended import Attended, attended, left_at
from enrollment.intake import Answers
from enrollment.models import Enrollment, Intake
from enrollment.states import LIVE
from sessions.models import GroupSession
from sessions.schedule import WEEKS

Kind = IssuedPaper.Kind


class NotYet(Exception):
    """There is nothing to put on such a paper; the message says why, and whom to ask."""


def draft(
    *, kind: IssuedPaper.Kind, enrollment: Enrollment, now: dt.datetime, payment: Payment | None
) -> Paper:
    """Raises NotYet. Only a receipt can be about one `payment` alone."""
    if kind == Kind.RECEIPT:
        return _receipt(enrollment, payment)
    makers: dict[str, Callable[[Enrollment, dt.datetime], Paper]] = {
        Kind.SUPERBILL: _superbill,
        Kind.ESTIMATE: _estimate,
    }
    return makers[kind](enrollment, now)


def _receipt(enrollment: Enrollment, payment: Payment | None) -> Paper:
    entries = LedgerEntry.objects.filter(enrollment=enrollment)
    if payment is not None:
        keys = [f"refund:{refund.uuid}" for refund in payment.refunds.all()]
        keys += [f"refund-failed:{refund.uuid}" for refund in payment.refunds.all()]
        entries = LedgerEntry.objects.filter(Q(key=f"charge:{payment.pk}") | Q(key__in=keys))
    lines = [entry for entry in entries if entry.kind not in NOT_THEIRS]
    if not lines:
        raise NotYet("Nothing has been paid for this seat, so there is nothing to confirm.")
    name = enrollment.member.display_name or enrollment.member.email
    return receipt(
        provider=Provider.from_settings(),
        person=Person(name),
        product=enrollment.cohort.programme.public_name,
        entries=lines,
        zone=enrollment.cohort.time_zone,
    )


def _estimate(enrollment: Enrollment, now: dt.datetime) -> Paper:
    sessions = list(_sold(enrollment).filter(cancelled_at=None))
    if enrollment.status not in LIVE or not sessions:
        raise NotYet("There are no sessions ahead whose cost could be estimated.")
    programme = enrollment.cohort.programme
    return estimate(
        provider=Provider.from_settings(),
        person=_person(enrollment) or Person(str(enrollment.member)),
        product=programme.public_name,
        code=settings.SUPERBILL_CODE if programme.superbill_allowed else "",
        states=", ".join(enrollment.cohort.admitted_states),
        sessions=sessions,
        price_cents=enrollment.price_cents,
        currency=enrollment.currency,
        zone=enrollment.cohort.time_zone,
    )


def _superbill(enrollment: Enrollment, now: dt.datetime) -> Paper:
    ask = f"Please write to {settings.SUPPORT_EMAIL}."
    if not enrollment.cohort.programme.superbill_allowed:
        raise NotYet(f"No clinician has decided yet which code applies to this program. {ask}")
    provider = Provider.from_settings()
    if not provider.known_to_insurers:
        raise NotYet(f"The practice\u2019s numbers for insurers are not entered yet. {ask}")
    entries = list(LedgerEntry.objects.filter(enrollment=enrollment))
    if kept(entries) <= 0:
        raise NotYet("Nothing stays paid for this seat, so there is nothing to hand in.")
    came = attended(enrollment=enrollment, now=now)
    if not came:
        raise NotYet("It lists the sessions that you came to. The first one is still to come.")
    person = _person(enrollment)
    if person is None:
        raise NotYet(f"Your legal name and date of birth cannot be read. {ask}")
    return superbill(
        provider=provider,
        person=person,
        code=settings.SUPERBILL_CODE,
        billed=_billed(enrollment, came, kept(entries)),
        currency=enrollment.currency,
        zone=enrollment.cohort.time_zone,
    )


def _billed(enrollment: Enrollment, came: list[Attended], kept_cents: int) -> list[Billed]:
    """With each session's part of what was paid for those that the member could come to."""
    left = left_at(enrollment)
    covered = [
        session.pk
        for session in _sold(enrollment)
        if session.cancelled_at is None and (left is None or session.starts_at < left)
    ]
    paid = fees(
        kept_cents=kept_cents,
        price_cents=enrollment.price_cents,
        sold=WEEKS - enrollment.first_week + 1,
        covered=len(covered),
    )
    by_session = dict(zip(covered, paid, strict=True))
    return [Billed(one, by_session.get(one.own.pk, 0)) for one in came]


def _sold(enrollment: Enrollment) -> "QuerySet[GroupSession]":
    return GroupSession.objects.filter(
        cohort=enrollment.cohort_id, number__gte=enrollment.first_week
    ).order_by("number")


def _person(enrollment: Enrollment) -> Person | None:
    """By their legal name, as they wrote it; None when it cannot be read."""
    try:
        answers = Answers.load(Intake.objects.get(member=enrollment.member_id).answers)
    except (Intake.DoesNotExist, Unreadable, KeyError, TypeError, ValueError):
        return None
    return Person(answers.legal_name, answers.date_of_birth)
