"""Issuing papers: the same one for whoever asks again, another when what it says has changed."""

import datetime as dt
import uuid
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import BigIntegerField, Exists, OuterRef, QuerySet, Value

from accounts.clock import local
from billing.models import IssuedPaper, Payment
from billing.papers.drafting import NotYet, draft
from billing.papers.paper import Paper
from billing.papers.parties import date_words
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, LIVE, Status
from outbox import services as outbox
from outbox.models import Message

log = structlog.get_logger("grouport.billing")

Kind = IssuedPaper.Kind
ESTIMATE_READY = "estimate-ready"
# The law gives three business days at most, which holidays stretch to six days.
CONFIRMED_LATELY = dt.timedelta(days=7)
OWED_AN_ESTIMATE = (*IN_STANDING, Status.SUSPENDED)
BATCH = 200


@dataclass(frozen=True, slots=True)
class Offer:
    """A kind of paper, and in words why it is not there; empty when it is."""

    kind: IssuedPaper.Kind
    why_not: str


def enrollments() -> "QuerySet[Enrollment]":
    """With all that papers ask of them in one query."""
    return Enrollment.objects.select_related("cohort__programme", "member")


def offers(*, enrollment: Enrollment, now: dt.datetime) -> list[Offer]:
    """Which papers a member can have now. A constant number of queries; issues nothing."""
    found = []
    for kind in Kind:
        why_not = ""
        try:
            draft(kind=kind, enrollment=enrollment, now=now, payment=None)
        except NotYet as error:
            kept = _stays(kind, enrollment) and _latest(kind, enrollment, None)
            why_not = "" if kept else str(error)
        found.append(Offer(kind, why_not))
    return found


def issue(
    *,
    kind: IssuedPaper.Kind,
    enrollment: Enrollment,
    now: dt.datetime,
    payment: Payment | None = None,
) -> IssuedPaper:
    """The paper with what is true now: the one that was issued last, if it still says so.

    Raises NotYet. An estimate whose time is over stays as it was.
    """
    try:
        paper = draft(kind=kind, enrollment=enrollment, now=now, payment=payment)
    except NotYet:
        latest = _latest(kind, enrollment, payment) if _stays(kind, enrollment) else None
        if latest is None:
            raise
        return latest
    latest = _latest(kind, enrollment, payment)
    if latest is not None and latest.content == paper.content():
        return latest
    return _issue(paper, enrollment, payment, now)


@transaction.atomic
def _issue(
    paper: Paper, enrollment: Enrollment, payment: Payment | None, now: dt.datetime
) -> IssuedPaper:
    kind = Kind(paper.kind)
    # Two who ask at the same moment wait for each other: the second finds the first one's.
    Enrollment.objects.select_for_update(no_key=True, of=("self",)).get(pk=enrollment.pk)
    latest = _latest(kind, enrollment, payment)
    if latest is not None and latest.content == paper.content():
        return latest
    return IssuedPaper.objects.create(
        enrollment=enrollment,
        kind=kind,
        payment=payment,
        version=paper.version,
        issued_at=now,
        issued_to=enrollment.member,
        content=paper.content(),
        replaces=latest,
    )


def _stays(kind: IssuedPaper.Kind, enrollment: Enrollment) -> bool:
    return kind == Kind.ESTIMATE and enrollment.status not in LIVE


def _latest(
    kind: IssuedPaper.Kind, enrollment: Enrollment, payment: Payment | None
) -> IssuedPaper | None:
    papers = IssuedPaper.objects.filter(enrollment=enrollment, kind=kind, payment=payment)
    latest = papers.select_related("replaces").order_by("-pk").first()
    if latest is not None:
        latest.enrollment = enrollment
        if latest.replaces is not None:
            latest.replaces.enrollment = enrollment
    return latest


def read(issued: IssuedPaper) -> Paper:
    """The paper as it was issued, in the template's version of then."""
    replaces = issued.replaces.number if issued.replaces is not None else ""
    zone = issued.enrollment.cohort.zone
    return Paper.load(
        issued.content,
        kind=issued.kind,
        version=issued.version,
        number=issued.number,
        issued_at=date_words(local(issued.issued_at, zone).date()),
        replaces=replaces,
    )


def payment_of(*, enrollment: Enrollment, payment_id: int) -> Payment:
    """Raises Payment.DoesNotExist for another enrolment's."""
    return Payment.objects.prefetch_related("refunds").get(enrollment=enrollment, pk=payment_id)


def own(*, member_id: int, public_id: uuid.UUID) -> Enrollment:
    """Raises Enrollment.DoesNotExist for somebody else's."""
    return enrollments().get(member=member_id, public_id=public_id)


# --- The estimate that goes out by itself -------------------------------------------------


def issue_estimates(*, now: dt.datetime) -> int:
    """Issue the estimates of seats that were confirmed lately, then promise their mails.

    Derived, as links are: an estimate without a mail, or a seat without an estimate, is found
    again a minute later. Returns how many mails were promised.
    """
    due = _without_a_mail(now)
    for enrollment in due.exclude(papers__kind=Kind.ESTIMATE).order_by("confirmed_at")[:BATCH]:
        try:
            issue(kind=Kind.ESTIMATE, enrollment=enrollment, now=now)
        except Exception as error:  # one that cannot be written keeps nobody else waiting
            name = type(error).__name__
            log.error("estimate_not_issued", enrollment=str(enrollment.public_id), error=name)
    ready = IssuedPaper.objects.filter(enrollment=OuterRef("pk"), kind=Kind.ESTIMATE)
    rows = (
        _without_a_mail(now)
        .filter(Exists(ready))
        .order_by()
        .values_list("member_id", "pk", Value(0, output_field=BigIntegerField()))
    )
    return outbox.promise_each(kind=ESTIMATE_READY, rows=rows, now=now)


def _without_a_mail(now: dt.datetime) -> "QuerySet[Enrollment]":
    promised = Message.objects.filter(kind=ESTIMATE_READY, subject_id=OuterRef("pk"))
    return enrollments().filter(
        ~Exists(promised), status__in=OWED_AN_ESTIMATE, confirmed_at__gt=now - CONFIRMED_LATELY
    )
