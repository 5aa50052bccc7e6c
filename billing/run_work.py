"""Carrying out a run, one person at a time, and what a person does about those who are left.

Each item is one short transaction: the decision, its refunds, the seat and the item's own state
are written together or not at all. So a worker may be killed at any moment and any number may
work at once: nobody is done twice, and nobody is forgotten. Stripe is asked later, by whoever
submits open refunds.
"""

import datetime as dt
from collections.abc import Callable

import structlog
from django.db import OperationalError, connection, transaction

from accounts.models import User
from billing import decisions
from billing.decisions import ChangedMeanwhile
from billing.models import RefundDecision, RefundRun, RunItem
from billing.policy import Basis
from billing.rehearsals import CONFIRMED, Impossible, Rehearsal, Seen, Wish, rehearse
from enrollment import ending
from enrollment.models import Enrollment
from sessions.pricing import format_money

log = structlog.get_logger("grouport.billing")

State = RunItem.State
# One round; what is left waits for the next minute.
BATCH = 500
BROKE = "Something went wrong on our side, and nothing was done. Try it again."
NEWCOMER = "They paid when the run had begun already."


def carry_on(*, clock: Callable[[], dt.datetime]) -> int:
    """Do the people of running runs who are left, and end what is done; returns how many.

    Costs two queries while nothing runs.
    """
    done = 0
    while done < BATCH and do_next(now=clock()):
        done += 1
    for run in RefundRun.objects.filter(state=RefundRun.State.RUNNING):
        finish(run=run, now=clock())
    return done


def do_next(*, now: dt.datetime) -> bool:
    """Do one person whom no other worker is doing; False when nobody is left. One transaction.

    What breaks on one person is logged and waits for somebody at the desk, so that it does not
    keep back the others; without a database the next round tries again.
    """
    item = None
    try:
        with transaction.atomic():
            item = claim()
            if item is not None:
                carry_out(item, now)
    except OperationalError:
        raise
    except Exception:
        if item is None:
            raise
        log.exception("run_item_failed", run=str(item.run.uuid), item=item.pk)
        untouched = RunItem.objects.filter(pk=item.pk, state=State.TODO)
        untouched.update(state=State.FAILED, words=BROKE, at=now)
    return item is not None


def claim() -> RunItem | None:
    """The next person of a running run, locked for this transaction."""
    todo = RunItem.objects.filter(state=State.TODO, run__state=RefundRun.State.RUNNING)
    if connection.features.has_select_for_update_skip_locked:
        todo = todo.select_for_update(skip_locked=True, no_key=True, of=("self",))
    return todo.select_related("run__made_by", "run__approved_by").order_by("pk").first()


def carry_out(item: RunItem, now: dt.datetime) -> None:
    """Decide as rehearsed, or write down why a person has to. On an item that is locked."""
    try:
        with transaction.atomic():  # what was begun is undone when it cannot be
            item.decision = _decide_as_rehearsed(item, now)
    except (Impossible, ChangedMeanwhile) as error:
        item.state, item.words = State.CHANGED, str(error)[:300]
    else:
        item.state, item.words = State.DONE, ""
    item.at = now
    item.save(update_fields=["state", "words", "decision", "at"])


def _decide_as_rehearsed(item: RunItem, now: dt.datetime) -> RefundDecision:
    """The same rules, locks and mails as for one person. Raises what says that it changed."""
    run = item.run
    rehearsal = look(item, now)
    enrollment = rehearsal.enrollment
    if enrollment.status not in CONFIRMED:
        label = enrollment.get_status_display().lower()
        raise Impossible("", f"They have no confirmed seat any more: it is “{label}”.")
    if rehearsal.cents != item.cents:
        new, old = (format_money(one, enrollment.currency) for one in (rehearsal.cents, item.cents))
        raise ChangedMeanwhile([f"It comes to {new} now, not to {old}."])
    return decisions.decide(
        enrollment_id=enrollment.pk,
        wish=rehearsal.wish,
        seen=rehearsal.seen,
        key=item.key,
        actor=run.made_by,
        reason=run.reason,
        now=now,
        run=run,
    )


def look(item: RunItem, now: dt.datetime) -> Rehearsal:
    """What doing it would come to now. Raises Impossible.

    The seat of somebody who has none is not freed.
    """
    people = Enrollment.objects.select_related("member", "cohort__programme")
    enrollment = people.get(pk=item.enrollment_id)
    frees = item.run.frees_seat and enrollment.status in CONFIRMED
    wish = Wish(Basis(item.run.basis), 0, frees)
    return rehearse(enrollment=enrollment, wish=wish, now=now)


# --- The end ----------------------------------------------------------------------------


def finish(*, run: RefundRun, now: dt.datetime) -> bool:
    """End a run in which nobody is left; says whether it did.

    In a group that has ended somebody's payment may still come through: the run waits for the
    end of every kept seat first, and takes in who became a member after all.
    """
    if run.ends_group:
        kept = Enrollment.objects.filter(cohort=run.cohort_id, status__in=ending.MAY_BE_PAID)
        may_be_paid = kept.exists()
        take_in_newcomers(run, now)
        if may_be_paid:
            return False
    if run.items.filter(state__in=RunItem.OPEN).exists():
        return False
    running = RefundRun.objects.filter(pk=run.pk, state=RefundRun.State.RUNNING)
    return bool(running.update(state=RefundRun.State.DONE, finished_at=now))


def take_in_newcomers(run: RefundRun, now: dt.datetime) -> None:
    members = Enrollment.objects.filter(cohort=run.cohort_id, status__in=CONFIRMED)
    late = members.exclude(run_items__run=run).values_list("pk", flat=True)
    RunItem.objects.bulk_create(
        [
            RunItem(run=run, enrollment_id=pk, cents=0, state=State.CHANGED, words=NEWCOMER, at=now)
            for pk in late
        ],
        ignore_conflicts=True,  # another worker has just done so
    )


# --- What a person decides --------------------------------------------------------------


@transaction.atomic
def try_again(*, item: RunItem, seen: Seen | None, actor: User, now: dt.datetime) -> RefundDecision:
    """Do it after all, for the amount that somebody has just seen. No network.

    More than what was rehearsed was agreed to by nobody: it is a decision like any other, and
    may wait for a second person. Raises ChangedMeanwhile and Impossible, and then changes nothing.
    """
    found = _locked(item)
    rehearsal = look(found, now)
    if seen != rehearsal.seen:
        raise ChangedMeanwhile(["It is not as it was when you looked."])
    decision = decisions.decide(
        enrollment_id=found.enrollment_id,
        wish=rehearsal.wish,
        seen=rehearsal.seen,
        key=found.key,
        actor=actor,
        reason=found.run.reason,
        now=now,
        run=found.run if _was_agreed_to(found, rehearsal, actor) else None,
    )
    found.state, found.words, found.at = State.DONE, "", now
    found.cents, found.decision = decision.amount_cents, decision
    found.save(update_fields=["state", "words", "at", "cents", "decision"])
    return decision


def _was_agreed_to(item: RunItem, rehearsal: Rehearsal, actor: User) -> bool:
    return rehearsal.cents <= item.cents and actor.pk != item.run.approved_by_id


@transaction.atomic
def set_aside(*, item: RunItem, actor: User, how: str, now: dt.datetime) -> None:
    """Note that a person takes care of it elsewhere; nothing is done. Raises ChangedMeanwhile."""
    found = _locked(item)
    found.state, found.at = State.ASIDE, now
    found.words = f"Set aside by {actor}: {how}"[:300]
    found.save(update_fields=["state", "words", "at"])


def _locked(item: RunItem) -> RunItem:
    """The item, if it still waits for a person and its run is not over. Raises ChangedMeanwhile."""
    waits = RunItem.objects.select_for_update(no_key=True, of=("self",)).filter(
        pk=item.pk,
        state__in=(State.CHANGED, State.FAILED),
        run__state__in=(RefundRun.State.RUNNING, RefundRun.State.PAUSED),
    )
    found = waits.select_related("run__made_by", "run__approved_by").first()
    if found is None:
        raise ChangedMeanwhile(["Somebody has taken care of it meanwhile."])
    return found
