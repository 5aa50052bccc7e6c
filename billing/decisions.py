"""A person decides what goes back and what becomes of the seat, on what a rehearsal showed.

`rehearse` computes, `decide` does it or lets it wait for a second person, `approve` and
`decline` are that person's. All of it is one transaction without network; Stripe is asked by
whoever submits open refunds. Locks: Cohort (when a seat is freed) → Enrollment → Payment →
Refund, none of which keeps a row from pointing at the locked one.
"""

import dataclasses
import datetime as dt
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from billing import facts, policy, refunds
from billing.facts import Agreed, Money, Source
from billing.models import Payment, Refund, RefundDecision, RefundRun
from billing.policy import Basis, Computed
from enrollment import services as enrollment_services
from enrollment import waitlist
from enrollment.models import Enrollment, Visit
from enrollment.roster import name_of
from enrollment.states import IN_STANDING, Status
from outbox import services as outbox
from sessions.models import Cohort, GroupSession
from sessions.pricing import format_money

SEAT_FREED = "seat-freed"
CONFIRMED = (*IN_STANDING, Status.SUSPENDED)


class Impossible(Exception):
    """What was asked for cannot be done. `field` is where it was typed, or empty."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


class ChangedMeanwhile(Exception):
    """What was seen does not hold any more. `words` say what is different now."""

    def __init__(self, words: list[str]) -> None:
        super().__init__(" ".join(words))
        self.words = words


class AlreadyDecided(Exception):
    """Somebody else has approved or declined it meanwhile."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody at the desk chose. `amount_cents` counts for Basis.AMOUNT only."""

    basis: Basis
    amount_cents: int = 0
    frees_seat: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """So many cents go back to the card that one payment came from."""

    payment: Payment
    cents: int


@dataclass(frozen=True, slots=True)
class SeatEffect:
    """What happens to the seat: how many sessions of theirs stop, and who may have it next."""

    has_seat: bool
    frees: bool
    sessions_ahead: int
    visits_ahead: int
    next_in_line: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rehearsal showed, as far as something else may change it."""

    basis: str
    frees_seat: bool
    cents: int
    status: str
    held: int
    paid: int
    back: int
    # Each payment by its number, with the cents that can go back from it.
    left: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Everything that a press would do, before it is pressed."""

    enrollment: Enrollment
    wish: Wish
    computed: Computed
    agreed: Agreed
    left_at: dt.datetime | None
    money: Money
    takes: list[Take]
    blocked: list[Source]
    seat: SeatEffect
    dues: list[str]
    needs_second: bool
    seen: Seen

    @property
    def cents(self) -> int:
        return self.computed.cents


# --- What comes from elsewhere ----------------------------------------------------------


def next_in_line(cohort: Cohort, now: dt.datetime) -> str:
    """Who gets a seat that is free again, in words."""
    waits = waitlist.next_in_line(cohort_id=cohort.pk)
    if waits is None:
        return "Nobody waits for it: it goes back to the group, and anybody may reserve it."
    if waitlist.terms(cohort=cohort, now=now) is None:
        return "It stays empty: it is too late to offer it to those who wait."
    return f"It is offered to {name_of(waits)} at once, who waits the longest."


def remaining_dues(enrollment: Enrollment) -> list[str]:
    """The parts that are still to be paid, in words, and what becomes of them."""
    return []


# --- Looking ----------------------------------------------------------------------------


def computed_by(*, enrollment: Enrollment, now: dt.datetime) -> dict[Basis, Computed]:
    """What each basis comes to now, for the choice between them."""
    known, terms = facts.facts_of(enrollment, now), facts.agreed_terms(enrollment).terms
    then = facts.left_at(enrollment) or now
    return {
        basis: policy.compute(basis=basis, facts=known, terms=terms, now=then)
        for basis in Basis
        if basis is not Basis.AMOUNT
    }


def rehearse(
    *,
    enrollment: Enrollment,
    wish: Wish,
    now: dt.datetime,
    apart_from: RefundDecision | None = None,
) -> Rehearsal:
    """What would happen; a constant number of queries. Raises Impossible.

    Whoever has left is not charged for what was held since. `apart_from` is the waiting
    decision that is looked at anew.
    """
    if apart_from is None and enrollment.refund_decisions.filter(status="waiting").exists():
        raise Impossible("", "A decision about this seat waits for a second person already.")
    known, agreed = facts.facts_of(enrollment, now), facts.agreed_terms(enrollment)
    left_at = facts.left_at(enrollment)
    then = left_at or now
    computed = policy.compute(
        basis=wish.basis,
        facts=known,
        terms=agreed.terms,
        now=then,
        amount_cents=wish.amount_cents,
    )
    money, sources = facts.money_of(enrollment), facts.refundable_payments(enrollment)
    check(enrollment, wish, computed, money, sources)
    return Rehearsal(
        enrollment=enrollment,
        wish=wish,
        computed=computed,
        agreed=agreed,
        left_at=left_at,
        money=money,
        takes=takes_from(computed.cents, sources),
        blocked=[one for one in sources if one.obstacle],
        seat=_seat_effect(enrollment, wish, now),
        dues=remaining_dues(enrollment),
        needs_second=_needs_second(enrollment, computed.cents),
        seen=Seen(
            basis=wish.basis,
            frees_seat=wish.frees_seat,
            cents=computed.cents,
            status=enrollment.status,
            held=len(known.held(then)),
            paid=money.paid,
            back=money.back + money.failed,
            left={str(one.payment.pk): one.left for one in sources if not one.obstacle},
        ),
    )


def check(
    enrollment: Enrollment,
    wish: Wish,
    computed: Computed,
    money: Money,
    sources: list[Source],
) -> None:
    """Refuse what cannot be, in the words and at the field that mend it. Raises Impossible."""
    if wish.frees_seat and enrollment.status not in CONFIRMED:
        raise Impossible("seat", "They have no confirmed seat, so there is none to free.")
    wanted = wish.amount_cents if wish.basis is Basis.AMOUNT else computed.cents
    field = "amount" if wish.basis is Basis.AMOUNT else "basis"
    if wanted < 0:
        raise Impossible("amount", "An amount cannot be less than nothing.")
    if wanted == 0:
        if wish.frees_seat:
            return
        raise Impossible(field, _nothing(wish, money))
    currency = enrollment.currency
    free = sum(one.left for one in sources if not one.obstacle)
    most = min(money.left, free)
    if wanted <= most:
        return
    words = f"That is more than what can go back now, which is {format_money(most, currency)}."
    if money.paid <= 0:
        words = "Nothing was paid for this seat, so there is nothing to give back."
    elif most < money.left:
        blocked = (one for one in sources if one.obstacle)
        reasons = (f"{format_money(one.left, currency)}: {one.obstacle}" for one in blocked)
        words = " ".join([words, *reasons])
    raise Impossible(field, words)


def _nothing(wish: Wish, money: Money) -> str:
    if money.paid <= 0:
        return "Nothing was paid for this seat, so there is nothing to give back."
    if wish.basis is Basis.AMOUNT:
        return "Type the amount that goes back, for example 24.92."
    if money.left == 0:
        return "Everything that was paid has gone back already, or is on its way."
    return "By this nothing goes back. Choose another way, or free the seat only."


def takes_from(cents: int, sources: list[Source]) -> list[Take]:
    """Newest payment first, each as far as it reaches."""
    takes = []
    for one in sources:
        part = 0 if one.obstacle else min(one.left, cents)
        if part:
            takes.append(Take(one.payment, part))
            cents -= part
    return takes


def _seat_effect(enrollment: Enrollment, wish: Wish, now: dt.datetime) -> SeatEffect:
    ahead = GroupSession.objects.filter(
        cohort=enrollment.cohort_id,
        number__gte=enrollment.first_week,
        ends_at__gt=now,
        cancelled_at=None,
    )
    visits = Visit.objects.filter(
        enrollment=enrollment, given_back_at=None, session__starts_at__gt=now
    )
    return SeatEffect(
        has_seat=enrollment.status in CONFIRMED,
        frees=wish.frees_seat,
        sessions_ahead=ahead.count(),
        visits_ahead=visits.count(),
        next_in_line=next_in_line(enrollment.cohort, now),
    )


def _needs_second(enrollment: Enrollment, cents: int) -> bool:
    """Above the limit, counting what one person alone gave back of this enrolment before: the
    limit is not passed in small pieces."""
    limit: int | None = settings.REFUND_SECOND_PERSON_CENTS
    if limit is None or cents == 0:
        return False
    alone = enrollment.refund_decisions.filter(status="done", needs_second=False)
    before: int = alone.aggregate(cents=Sum("amount_cents"))["cents"] or 0
    return before + cents > limit


# --- Deciding ---------------------------------------------------------------------------


@transaction.atomic
def decide(
    *,
    enrollment_id: int,
    wish: Wish,
    seen: Seen | None,
    key: uuid.UUID,
    actor: User,
    reason: str,
    now: dt.datetime,
    run: RefundRun | None = None,
) -> RefundDecision:
    """Do what the rehearsal showed, or let it wait for a second person. No network.

    Of a `run` each item is agreed to already: it was looked at as a whole.

    `key` was made with the rehearsal: the same one again is the same decision. Raises
    ChangedMeanwhile when what was `seen` does not hold any more, and Impossible.
    """
    enrollment = _locked(enrollment_id, frees_seat=wish.frees_seat)
    made = RefundDecision.objects.filter(uuid=key).first()
    if made is not None:
        if made.enrollment_id != enrollment.pk:
            raise ChangedMeanwhile(["This page belongs to somebody else's refund."])
        return made
    rehearsal = rehearse(enrollment=enrollment, wish=wish, now=now)
    _refuse_stale(seen, rehearsal)
    waits = rehearsal.needs_second and run is None
    agreed_by = (run and run.approved_by) or actor
    decision = RefundDecision.objects.create(
        uuid=key,
        enrollment=enrollment,
        basis=wish.basis,
        amount_cents=rehearsal.cents,
        currency=enrollment.currency,
        frees_seat=wish.frees_seat,
        policy_version=rehearsal.agreed.terms.version,
        computed=[[line.label, line.cents] for line in rehearsal.computed.lines],
        reason=reason,
        status=RefundDecision.Status.WAITING if waits else RefundDecision.Status.DONE,
        needs_second=run.needs_second if run else waits,
        made_by=actor,
        made_at=now,
        decided_by=None if waits else agreed_by,
        decided_at=None if waits else now,
    )
    if not waits:
        _carry_out(decision, rehearsal, actor, now)
    return decision


def wish_of(decision: RefundDecision) -> Wish:
    """What a waiting decision comes to: the amount that was decided, whatever time it is."""
    return Wish(Basis.AMOUNT, decision.amount_cents, decision.frees_seat)


@transaction.atomic
def approve(
    *, decision: RefundDecision, seen: Seen | None, actor: User, now: dt.datetime
) -> RefundDecision:
    """A second person agrees, and it is carried out. No network.

    Raises Impossible when it cannot be carried out any more, or when they made it themselves;
    it then goes on waiting. Raises AlreadyDecided and ChangedMeanwhile.
    """
    if decision.made_by_id == actor.pk:
        raise Impossible("", "You made this decision, so somebody else has to agree.")
    enrollment = _locked(decision.enrollment_id, frees_seat=decision.frees_seat)
    if not _move(decision, RefundDecision.Status.DONE, actor, now):
        raise AlreadyDecided
    rehearsal = rehearse(
        enrollment=enrollment, wish=wish_of(decision), now=now, apart_from=decision
    )
    _refuse_stale(seen, rehearsal)
    _carry_out(decision, rehearsal, actor, now)
    return decision


@transaction.atomic
def decline(*, decision: RefundDecision, actor: User, now: dt.datetime) -> RefundDecision:
    """It is not done; whoever made it may take it back. Raises AlreadyDecided."""
    if not _move(decision, RefundDecision.Status.DECLINED, actor, now):
        raise AlreadyDecided
    return decision


def _move(
    decision: RefundDecision, status: RefundDecision.Status, actor: User, now: dt.datetime
) -> bool:
    waiting = RefundDecision.objects.filter(pk=decision.pk, status=RefundDecision.Status.WAITING)
    moved = waiting.update(status=status, decided_by=actor, decided_at=now)
    decision.refresh_from_db()
    return bool(moved)


def _locked(enrollment_id: int, *, frees_seat: bool) -> Enrollment:
    """The enrolment and its payments, as nobody else can change them until we are done.

    Without `no_key` a refund that is booked at this moment, which holds its payment and points
    at the enrolment, and we would wait for each other.
    """
    if frees_seat:
        cohorts = Cohort.objects.select_for_update(no_key=True, of=("self",))
        cohorts.get(enrollments=enrollment_id)
    enrollment = (
        Enrollment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("member", "cohort__programme")
        .get(pk=enrollment_id)
    )
    payments = Payment.objects.select_for_update(no_key=True).filter(enrollment=enrollment)
    list(payments.order_by("pk").values_list("pk"))
    return enrollment


def _carry_out(
    decision: RefundDecision, rehearsal: Rehearsal, actor: User, now: dt.datetime
) -> None:
    """Reserve the money, free the seat. Runs in the caller's transaction, on what is locked."""
    for take in rehearsal.takes:
        refunds.request_refund(
            payment_id=take.payment.pk,
            amount_cents=take.cents,
            reason=Refund.Reason.DESK,
            now=now,
            actor=actor,
            enrollment_id=decision.enrollment_id,
            decision=decision,
        )
    if not decision.frees_seat:
        return
    enrollment_services.withdraw(
        enrollment_id=decision.enrollment_id,
        actor=actor,
        reason="Left the group, decided at the money desk",
        now=now,
    )
    if not rehearsal.takes:  # else the mail about the refund says it
        outbox.promise(
            kind=SEAT_FREED,
            recipient_id=rehearsal.enrollment.member_id,
            subject_id=decision.pk,
            now=now,
        )


# --- What changed meanwhile -------------------------------------------------------------


def _refuse_stale(seen: Seen | None, rehearsal: Rehearsal) -> None:
    if seen != rehearsal.seen:
        raise ChangedMeanwhile(_differences(seen, rehearsal.seen, rehearsal.enrollment.currency))


def _differences(seen: Seen | None, now: Seen, currency: str) -> list[str]:
    """What is different now, in sentences."""
    if seen is None:
        return ["What this page showed is not known any more."]
    words = []
    if seen.status != now.status:
        before, after = (Status(one.status).label for one in (seen, now))
        words.append(f"The seat was “{before}” and is “{after}” now.")
    if seen.held != now.held:
        words.append(f"{now.held} sessions were held by now, not {seen.held}.")
    for name, one, other in (
        ("paid", seen.paid, now.paid),
        ("given back or on its way", seen.back, now.back),
    ):
        if one != other:
            now_words, then_words = (format_money(cents, currency) for cents in (other, one))
            words.append(f"{now_words} is {name}, not {then_words}.")
    if seen.cents != now.cents:
        now_words, then_words = (format_money(one.cents, currency) for one in (now, seen))
        words.append(f"It comes to {now_words}, not {then_words}.")
    return words or ["The payments that it comes from are not the same."]


def as_dict(seen: Seen) -> dict[str, object]:
    """For the page, which sends it back with the press."""
    return dataclasses.asdict(seen)
