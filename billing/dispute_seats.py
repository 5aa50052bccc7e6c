"""A person decides about the seat of somebody whose payment is in dispute.

Nothing happens by itself: the seat stays as it is until somebody decides, and can be decided
anew while it is somebody's. The money is the bank's affair, and is not touched here.
"""

import dataclasses
import datetime as dt

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import Action, Subject, User
from billing import disputes, plans
from billing.dispute_mails import DISPUTED_SEAT, disputed_seat_mail, moment
from billing.holders import holder
from billing.models import Dispute, Instalment, PaymentPlan
from billing.seat_effects import SeatEffect, seat_effect
from enrollment import pausing
from enrollment import services as enrollment_services
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, Status
from outbox import services as outbox
from outbox.mail import Mail
from sessions.models import GroupSession

Seat = Dispute.Seat
# What a decision is called where its usual name would not be true.
END_PAUSE = "End the pause"
STAY_PAUSED = "Keep it paused"
THEY_LEFT = "They left: nothing more goes back"
PARTS_WAIT = "No part of the price is charged while the bank decides or the seat is paused."


class NotPossible(Exception):
    """The seat is not in a state that this can be decided about."""


class ChangedMeanwhile(Exception):
    """The dispute or the seat is not what the rehearsal showed any more."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a decision would do; `seen` goes into the press that confirms it."""

    what: Dispute.Seat
    label: str
    seat: str
    links: str
    door: str
    money: str
    mail: Mail | None
    # Who has the chair next, where one comes free.
    freed: SeatEffect | None
    seen: str


def choices(dispute: Dispute) -> list[Dispute.Seat]:
    """What can be decided now."""
    enrollment = holder(dispute.payment)
    if enrollment.status in IN_STANDING:
        return [Seat.KEEP, Seat.PAUSE, Seat.END]
    if enrollment.status == Status.SUSPENDED:
        over = dispute.closed_at is not None and dispute.seat_decision == Seat.PAUSE
        return [Seat.KEEP, Seat.PAUSE, Seat.END] if over else [Seat.KEEP, Seat.END]
    # They left before it was won: that nothing more goes back is noted here.
    decided, closed = dispute.seat_decided_at, dispute.closed_at
    late = decided is None or (closed is not None and decided < closed)
    if dispute.status == Dispute.Status.WON and enrollment.status in disputes.ENDED and late:
        return [Seat.KEEP]
    return []


def still_paused(dispute: Dispute) -> bool:
    """The bank has decided, and the seat is paused as somebody decided because of it."""
    return dispute.closed_at is not None and _resumes(dispute, Seat.KEEP)


def label(dispute: Dispute, what: Dispute.Seat) -> str:
    """What a decision is called where it stands now."""
    if what == Seat.KEEP and _resumes(dispute, what):
        return END_PAUSE
    if what == Seat.PAUSE and _stays_paused(dispute, what):
        return STAY_PAUSED
    if what == Seat.KEEP and holder(dispute.payment).status in disputes.ENDED:
        return THEY_LEFT
    return what.label


def rehearse(*, dispute: Dispute, what: Dispute.Seat, now: dt.datetime) -> Rehearsal:
    """What the decision does to the seat, the links and the door. Raises NotPossible."""
    if what not in choices(dispute):
        raise NotPossible("This seat is open to no such decision any more.")
    enrollment = holder(dispute.payment)
    coming = _coming(enrollment, now)
    return Rehearsal(
        what=what,
        label=label(dispute, what),
        seat=_seat_words(dispute, what),
        links=_links_words(dispute, what, coming),
        door=_door_words(dispute, what),
        money=_money_words(dispute, what),
        mail=disputed_seat_mail(dispute, what) if _told(dispute, what) else None,
        freed=seat_effect(enrollment=enrollment, has_seat=True, frees=True, now=now)
        if what == Seat.END
        else None,
        seen=_seen(dispute),
    )


def _seen(dispute: Dispute) -> str:
    decided = dispute.seat_decided_at.isoformat() if dispute.seat_decided_at else ""
    seat = holder(dispute.payment)
    return "|".join((dispute.status, str(seat.public_id), seat.status, decided))


def _coming(enrollment: Enrollment, now: dt.datetime) -> int:
    if enrollment.status in disputes.ENDED:
        return 0
    return GroupSession.objects.filter(
        cohort=enrollment.cohort_id,
        number__gte=enrollment.first_week,
        starts_at__gt=now,
        cancelled_at=None,
    ).count()


def _resumes(dispute: Dispute, what: Dispute.Seat) -> bool:
    """Only a pause of this dispute's is lifted: one for an overdue payment has its own end."""
    paused_here = dispute.seat_decision == Seat.PAUSE
    return what == Seat.KEEP and paused_here and holder(dispute.payment).status == Status.SUSPENDED


def _stays_paused(dispute: Dispute, what: Dispute.Seat) -> bool:
    return what == Seat.PAUSE and holder(dispute.payment).status == Status.SUSPENDED


def _behind(dispute: Dispute) -> "QuerySet[PaymentPlan]":
    """The seat's plan, if a part of it is overdue."""
    return PaymentPlan.objects.filter(
        enrollment=holder(dispute.payment), ended_at=None, overdue_since__isnull=False
    )


def _told(dispute: Dispute, what: Dispute.Seat) -> bool:
    """Whoever keeps what they have learns nothing new."""
    if _stays_paused(dispute, what):
        return False
    return what != Seat.KEEP or _resumes(dispute, what)


def _seat_words(dispute: Dispute, what: Dispute.Seat) -> str:
    if what == Seat.END:
        return "The enrolment ends, and the chair is free."
    if _stays_paused(dispute, what):
        days = disputes.PAUSED_AGAIN.days
        return f"Stays paused, and is theirs. In {days} days it waits for a decision again."
    if what == Seat.PAUSE:
        return "The chair stays theirs and stays empty. Nobody else can have it."
    if _resumes(dispute, what):
        if _behind(dispute).exists():
            return "The pause ends. A part is still unpaid: they have seven days to pay it."
        return "The pause ends, and the seat is confirmed again."
    return "Stays as it is."


def _links_words(dispute: Dispute, what: Dispute.Seat, coming: int) -> str:
    sessions = f"{coming} session{'' if coming == 1 else 's'} still to come"
    if what == Seat.END:
        return f"No link is sent any more ({sessions})."
    if what == Seat.PAUSE:
        return f"No link is sent while the seat is paused ({sessions})."
    if _resumes(dispute, what):
        return f"Links are sent again ({sessions})."
    return f"Sent as before ({sessions})."


def _door_words(dispute: Dispute, what: Dispute.Seat) -> str:
    if _stays_paused(dispute, what):
        return "Stays shut."
    if what in (Seat.PAUSE, Seat.END):
        return "Their door is shut at once, also during a session."
    if _resumes(dispute, what):
        return "Their door opens again, by the same link."
    return "As before."


def _money_words(dispute: Dispute, what: Dispute.Seat) -> str:
    words = "Nothing. The bank decides about the money; this page moves no cent."
    parts = Instalment.objects.filter(
        enrollment=dispute.payment.enrollment_id, status=Instalment.Status.DUE
    )
    if not parts.exists():
        return words
    if what == Seat.END:
        return f"{words} The parts that are left are not asked for any more."
    return f"{words} {PARTS_WAIT}"


@transaction.atomic
def decide(
    *,
    dispute_id: int,
    what: Dispute.Seat,
    reason: str,
    seen: str,
    actor: User,
    now: dt.datetime,
    ip: str | None = None,
) -> Dispute:
    """Do what the rehearsal showed, and owe the member a mail if they would notice.

    Raises ChangedMeanwhile if `seen` is not how things stand, NotPossible as `rehearse` does.
    """
    found = Dispute.objects.select_related("payment__enrollment").get(pk=dispute_id)
    theirs = Enrollment.objects.select_for_update(no_key=True)
    theirs.values_list("pk").get(pk=holder(found.payment).pk)
    dispute = (
        Dispute.objects.select_for_update(no_key=True, of=("self",))
        .select_related("payment__enrollment__member", "payment__attempt")
        .get(pk=dispute_id)
    )
    if seen != _seen(dispute):
        raise ChangedMeanwhile
    if what not in choices(dispute):
        raise NotPossible("This seat is open to no such decision any more.")
    told = _told(dispute, what)
    _move(dispute, what, f"Dispute: {reason}"[:200], actor, now)
    dispute.seat_decision, dispute.seat_decided_by = what, actor
    dispute.seat_decided_at, dispute.note = now, reason[:200]
    dispute.save(update_fields=["seat_decision", "seat_decided_by", "seat_decided_at", "note"])
    if told:
        outbox.promise(
            kind=DISPUTED_SEAT,
            recipient_id=dispute.payment.enrollment.member_id,
            subject_id=dispute.pk,
            occasion_id=moment(now),
            now=now,
        )
    audit.record(
        actor=actor,
        action=Action.DISPUTE_DECIDED,
        subject_kind=Subject.DISPUTE,
        subject_id=dispute.stripe_dispute_id,
        now=now,
        ip=ip,
    )
    return dispute


def _move(dispute: Dispute, what: Dispute.Seat, reason: str, actor: User, now: dt.datetime) -> None:
    enrollment_id = holder(dispute.payment).pk
    if what == Seat.END:
        enrollment_services.withdraw(
            enrollment_id=enrollment_id, actor=actor, reason=reason, now=now
        )
        plans.end_plan(enrollment_id=enrollment_id, now=now, why="The seat ended after a dispute")
    elif what == Seat.PAUSE:
        pausing.pause(enrollment_id=enrollment_id, actor=actor, reason=reason, now=now)
    elif _resumes(dispute, what):
        pausing.resume(enrollment_id=enrollment_id, actor=actor, reason=reason, now=now)
        plans.grace_again(enrollment_id=enrollment_id, now=now)
