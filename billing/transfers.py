"""Going to another group: what is left of the old seat's price counts for the new one.

The credit moves in the ledger, from one enrolment to the other; no card hears of it. What is left
over goes back; what is missing is paid first, and meanwhile the old seat stays as it was, with so
much of its money reserved (`facts.money_of`).

Locks: Cohort of the old seat → old enrolment → its payments → new enrolment; the old one is always
the older row. `settlement` locks both enrolments, the old one first (`lock_both`),
then the old one's payments.
"""

import dataclasses
import datetime as dt
import uuid
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from billing import decisions, disputes, facts, ledger, policy, prices, refunds
from billing.decisions import ChangedMeanwhile
from billing.models import CheckoutAttempt, LedgerEntry, Payment, Refund, Transfer
from billing.policy import Basis, Computed, Line
from billing.prices import Price
from billing.rehearsals import CONFIRMED, Impossible, remaining_dues
from enrollment import agreements, catalogue
from enrollment import services as enrollment_services
from enrollment.catalogue import GroupCard
from enrollment.intake import Answers
from enrollment.models import Consent, Enrollment, EnrollmentMove, Intake
from enrollment.services import Confirmation
from enrollment.states import IN_STANDING, LIVE, Status
from sessions.models import Cohort, GroupSession
from sessions.pricing import LEAST_CENTS, format_money

log = structlog.get_logger("grouport.billing")

MOVED = "moved"
BATCH = 200
# How many groups are offered at most.
OFFERED = 20
State = Transfer.State

NOT_CONFIRMED = "You can move to another group while your seat here is confirmed."
ALL_HELD = "All sessions of this group have been held, so there is nothing left to move."
PARTS_OPEN = (
    "Your price is not fully paid yet. Pay the open parts first, or write to us, and we find a way "
    "together."
)
UNDER_WAY = "You are moving to another group already."


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rehearsal showed, as far as something else may change it."""

    credit: int
    price: int
    first_week: int
    status: str
    left: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Everything that a move would do, in cents. `waived` is too little for a card to pay."""

    source: Enrollment
    card: GroupCard
    credit: Computed
    price: Price
    waived: int
    sessions_ahead: int
    seen: Seen

    @property
    def price_cents(self) -> int:
        return self.price.cents - self.waived

    @property
    def due_cents(self) -> int:
        return max(self.price_cents - self.credit.cents, 0)

    @property
    def back_cents(self) -> int:
        return max(self.credit.cents - self.price_cents, 0)


# --- Looking ----------------------------------------------------------------------------


def obstacle(enrollment: Enrollment, now: dt.datetime) -> str:
    """Why this member cannot move now, in words; empty when they can."""
    if enrollment.status not in IN_STANDING:
        return NOT_CONFIRMED
    if under_way(enrollment) is not None:
        return UNDER_WAY
    if not _ahead(enrollment, now):
        return ALL_HELD
    if remaining_dues(enrollment, frees_seat=False):
        return PARTS_OPEN
    if enrollment.refund_decisions.filter(status="waiting").exists():
        return "We are deciding about a refund for this seat. You can move when that is done."
    return ""


def under_way(enrollment: Enrollment) -> Transfer | None:
    """The move whose rest can still be paid. One query."""
    open_now = Transfer.objects.filter(Transfer.KEPT, source=enrollment, state=State.OPEN)
    return open_now.select_related("target__cohort").first()


def _ahead(enrollment: Enrollment, now: dt.datetime) -> int:
    return GroupSession.objects.filter(
        cohort=enrollment.cohort_id,
        number__gte=enrollment.first_week,
        ends_at__gt=now,
        cancelled_at=None,
    ).count()


def groups(enrollment: Enrollment, now: dt.datetime) -> list[GroupCard]:
    """Where this member could move: open to their state, with a free seat."""
    intake = Intake.objects.filter(member=enrollment.member_id).first()
    state = Answers.load(intake.answers).state if intake else ""
    found = catalogue.groups_with_seats(
        now=now, state=state, other_than=enrollment.cohort_id, limit=OFFERED
    )
    theirs = set(
        Enrollment.objects.filter(member=enrollment.member_id, status__in=LIVE).values_list(
            "cohort", flat=True
        )
    )
    return [
        card
        for card in found
        if card.cohort.pk not in theirs and card.currency == enrollment.currency
    ]


def credit(enrollment: Enrollment, now: dt.datetime) -> Computed:
    """What the sessions that are left are worth by the policy, without its fee."""
    terms = dataclasses.replace(facts.agreed_terms(enrollment).terms, fee_cents=0)
    known = facts.facts_of(enrollment, now)
    return policy.compute(basis=Basis.POLICY, facts=known, terms=terms, now=now)


def rehearse(*, source: Enrollment, cohort: Cohort, now: dt.datetime) -> Rehearsal:
    """What a move would do now. A constant number of queries. Raises Impossible."""
    if reason := obstacle(source, now):
        raise Impossible("", reason)
    card = catalogue.group_card(pk=cohort.pk, now=now)
    if card.currency != source.currency:
        raise Impossible("", "This group is paid in another currency.")
    worth = credit(source, now)
    price = prices.quote(member=source.member, cohort=cohort, first_week=card.first_week)
    missing = price.cents - worth.cents
    sources = facts.refundable_payments(source)
    return Rehearsal(
        source=source,
        card=card,
        credit=worth,
        price=price,
        waived=missing if 0 < missing < LEAST_CENTS else 0,
        sessions_ahead=_ahead(source, now),
        seen=Seen(
            credit=worth.cents,
            price=price.cents,
            first_week=card.first_week,
            status=source.status,
            left={str(one.payment.pk): one.left for one in sources if not one.obstacle},
        ),
    )


def as_dict(seen: Seen) -> dict[str, object]:
    """For the page, which sends it back with the press."""
    return dataclasses.asdict(seen)


def agreed_already(enrollment: Enrollment) -> bool:
    """Whether they agreed to today's texts when they took their seat here. One query."""
    known = set(Consent.objects.filter(enrollment=enrollment).values_list("kind", "version"))
    return {(one.kind, one.version) for one in agreements.CURRENT} <= known


# --- Moving -----------------------------------------------------------------------------


@transaction.atomic
def start(
    *,
    source_id: int,
    cohort: Cohort,
    seen: Seen | None,
    key: uuid.UUID,
    actor: User,
    now: dt.datetime,
    ip: str | None = None,
) -> Transfer:
    """Move at once, or where something is to be paid keep the new seat until it is. No network.

    `key` was made with the rehearsal: the same one again is the same move. Raises
    ChangedMeanwhile when what was `seen` does not hold any more, Impossible, and a
    `refusals.Refused` when there is no seat; then nothing was written.
    """
    source = decisions.lock(source_id, frees_seat=True)
    made = Transfer.objects.filter(uuid=key).first()
    if made is not None:
        if made.source_id != source.pk:
            raise ChangedMeanwhile(["This page belongs to another move."])
        return made
    _end(Transfer.objects.filter(source=source, state=State.OPEN).exclude(Transfer.KEPT))
    found = rehearse(source=source, cohort=cohort, now=now)
    if seen != found.seen:
        raise ChangedMeanwhile(_differences(seen, found.seen, source.currency))
    target = enrollment_services.reserve_seat(cohort=cohort, member=source.member, now=now, ip=ip)
    _agree_on_price(target, found, now)
    transfer = Transfer.objects.create(
        uuid=key,
        source=source,
        target=target,
        credit_cents=found.credit.cents,
        price_cents=found.price_cents,
        made_by=actor,
        made_at=now,
    )
    if transfer.due_cents == 0:
        enrollment_services.confirm_seat(
            enrollment_id=target.pk, now=now, reason="Moved from another group", mail=MOVED
        )
        _complete(transfer, actor, now)
        if transfer.back_cents:
            _give_back_rest(transfer, found, actor, now)
    return transfer


def _agree_on_price(target: Enrollment, found: Rehearsal, now: dt.datetime) -> None:
    """As the rehearsal showed it. What no card can pay is waived."""
    try:
        price = prices.agree_on(enrollment=target, now=now, shown_cents=found.price.cents)
    except prices.PriceChanged as error:
        words = format_money(error.price.cents, target.currency)
        raise ChangedMeanwhile([f"The other group costs {words} now."]) from None
    if found.waived:
        words = f"{price.words} {format_money(found.waived, target.currency)} is waived.".strip()
        enrollment_services.set_price(
            enrollment_id=target.pk,
            price_cents=found.price_cents,
            off_cents=price.list_cents - found.price_cents,
            words=words,
        )


def _complete(transfer: Transfer, actor: User | None, now: dt.datetime) -> None:
    """The new seat is confirmed: give up the old one, and let its credit go along."""
    Transfer.objects.filter(pk=transfer.pk).update(state=State.DONE, done_at=now)
    transfer.refresh_from_db(fields=["state", "done_at"])
    source, target = transfer.source, transfer.target
    left = enrollment_services.withdraw(
        enrollment_id=source.pk,
        actor=source.member,
        reason=f"{EnrollmentMove.MOVED_TO} {target.cohort.name}"[:200],
        now=now,
    )
    assert left, "The old seat was in standing under its lock."
    lines = ((source, -transfer.moved_cents, "out"), (target, transfer.moved_cents, "in"))
    for enrollment, cents, way in lines:
        if cents:
            ledger.post(
                enrollment_id=enrollment.pk,
                kind=LedgerEntry.Kind.CREDIT,
                amount_cents=cents,
                currency=enrollment.currency,
                key=f"transfer:{transfer.uuid}:{way}",
                at=now,
                actor=actor,
                reason=f"Moved to {target.cohort.name}"
                if way == "out"
                else f"Moved from {source.cohort.name}",
            )
    log.info("transferred", transfer=str(transfer.uuid))


def _give_back_rest(transfer: Transfer, found: Rehearsal, actor: User, now: dt.datetime) -> None:
    label = "Counts for the other group"
    taken = Line(label, -transfer.moved_cents)
    rest = Computed(transfer.back_cents, Basis.POLICY, (*found.credit.lines, taken))
    decisions.give_back_rest(
        enrollment=transfer.source, computed=rest, actor=actor, key=transfer.uuid, now=now
    )


def _differences(seen: Seen | None, now: Seen, currency: str) -> list[str]:
    if seen is None:
        return ["What this page showed is not known any more."]
    words = []
    for label, before, after in (
        ("Your sessions left here are worth", seen.credit, now.credit),
        ("The other group costs", seen.price, now.price),
    ):
        if before != after:
            values = (format_money(cents, currency) for cents in (after, before))
            words.append("{} {}, not {}.".format(label, *values))
    if seen.first_week != now.first_week:
        words.append(f"You would begin at week {now.first_week}, not {seen.first_week}.")
    return words or ["Something about your seat or your payments has changed."]


# --- Paying the rest --------------------------------------------------------------------


def lock_both(enrollment_id: int) -> bool:
    """Lock an enrolment, and before it the one that its member is coming from; say whether there
    is one. A move is written in the transaction that makes its target: none is overlooked."""
    moves = Transfer.objects.filter(target=enrollment_id).exclude(state=State.DONE)
    source = moves.values_list("source", flat=True).first()
    for pk in (source, enrollment_id):
        if pk is not None:
            Enrollment.objects.select_for_update(no_key=True).values_list("pk").get(pk=pk)
    return source is not None


def unfinished(enrollment_id: int) -> Transfer | None:
    """The move that was to bring a member to this seat, and has not; locked.

    Runs in a transaction, under `lock_both`.
    """
    moves = Transfer.objects.select_for_update(no_key=True, of=("self",))
    moves = moves.filter(target=enrollment_id).exclude(state=State.DONE)
    return moves.select_related("source__cohort", "source__member", "target__cohort").first()


def receive(*, transfer: Transfer, payment: Payment, now: dt.datetime) -> bool:
    """Money for the rest of a move arrived: move, or let it go back; say whether it does.

    Runs in settlement's transaction, under `lock_both`. The old seat's payments are locked before
    its money is counted: a dispute that is booked just now is seen, or waits and follows the move.
    """
    decisions.lock_payments(transfer.source)
    if not _holds(transfer):
        return _let_go(transfer, payment, Refund.Reason.NO_MOVE, now)
    outcome = enrollment_services.confirm_seat(
        enrollment_id=transfer.target_id, now=now, reason="Moved and paid", mail=MOVED
    )
    if outcome in (Confirmation.CONFIRMED, Confirmation.RESEATED):
        _complete(transfer, None, now)
        return False
    return _let_go(transfer, payment, Refund.Reason.LATE, now)


def _holds(transfer: Transfer) -> bool:
    """Whether the old seat and the credit are still there."""
    if transfer.state != State.OPEN or transfer.source.status not in CONFIRMED:
        return False
    money = facts.money_of(transfer.source)
    return money.paid - money.back - money.failed >= transfer.credit_cents


def _let_go(transfer: Transfer, payment: Payment, why: Refund.Reason, now: dt.datetime) -> bool:
    """The move does not come about: the old seat stays as it is, and this money goes back."""
    _end(Transfer.objects.filter(pk=transfer.pk, state=State.OPEN))
    enrollment_services.cancel_hold(
        enrollment_id=transfer.target_id,
        now=now,
        reason="The move to this group was not possible any more",
        actor=transfer.made_by,
    )
    left = disputes.left_cents(payment)
    if left:
        refunds.request_refund(payment_id=payment.pk, amount_cents=left, reason=why, now=now)
    log.warning("transfer_not_possible", transfer=str(transfer.uuid), reason=why)
    return bool(left)


# --- Ending -----------------------------------------------------------------------------


@transaction.atomic
def stop(*, transfer: Transfer, actor: User, now: dt.datetime) -> bool:
    """The member stays where they are. False while a payment page for the rest may be open."""
    lock_both(transfer.target_id)
    begun = (CheckoutAttempt.Status.OPEN, CheckoutAttempt.Status.REVIEW)
    if transfer.target.attempts.filter(status__in=begun).exists():
        return False
    stopped = enrollment_services.cancel_hold(
        enrollment_id=transfer.target_id, now=now, reason="Stays in their group", actor=actor
    )
    _end(Transfer.objects.filter(pk=transfer.pk, state=State.OPEN))
    return stopped


def end_lapsed() -> int:
    """Write down which moves were not paid in time; how many."""
    lapsed = Transfer.objects.filter(state=State.OPEN).exclude(Transfer.KEPT)
    over = lapsed.filter(target__status__in=(Status.EXPIRED, Status.CANCELLED, Status.LATE_PAID))
    return _end(Transfer.objects.filter(pk__in=list(over.values_list("pk", flat=True)[:BATCH])))


def _end(transfers: "QuerySet[Transfer]") -> int:
    pks = list(transfers.values_list("pk", flat=True))
    return Transfer.objects.filter(pk__in=pks, state=State.OPEN).update(state=State.ENDED)
