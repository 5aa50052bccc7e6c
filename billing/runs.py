"""Giving money back to a whole group, or to several of it: begun once, by people who saw it all.

`start` makes the run of a rehearsal (`run_plan.py`), above the limit it waits until a second
person has looked as well (`approve`). From then on workers do one person after the other
(`run_work.py`). No network here. A worker locks its item before everything else; nobody who holds
a group or an enrolment waits for an item that a worker may have.
"""

import datetime as dt
import uuid
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from accounts import audit
from accounts.models import Action, AuditEntry, Subject, User
from billing import plans
from billing.decisions import AlreadyDecided, ChangedMeanwhile
from billing.models import Instalment, RefundRun, RunItem
from billing.policy import Basis
from billing.rehearsals import Impossible
from billing.run_plan import Plan, Whom, plan
from enrollment import ending
from sessions.models import Cohort

State = RefundRun.State
CHANGED = ["Something in the group changed since this page was opened."]
ANOTHER = "Another refund of this group is not over yet."
NOBODY = "There is nobody to give money back to in this way."
STOPPED = "Not done: the rest of the run was stopped."
DECLINED = "Not done: the refund was declined before it began."


def whom_of(run: RefundRun) -> Whom:
    chosen = run.items.values_list("enrollment", flat=True) if not run.ends_group else ()
    return Whom(run.ends_group, Basis(run.basis), run.frees_seat, frozenset(chosen))


def unfinished(cohort: Cohort) -> RefundRun | None:
    """The run of this group that is not over; there is at most one."""
    return cohort.refund_runs.filter(state__in=RefundRun.NOT_OVER).first()


# --- Beginning --------------------------------------------------------------------------


@transaction.atomic
def start(
    *,
    cohort_id: int,
    whom: Whom,
    seen: str,
    key: uuid.UUID,
    actor: User,
    reason: str,
    now: dt.datetime,
    ip: str | None = None,
) -> RefundRun:
    """Begin what the rehearsal showed, or let it wait for a second person.

    `key` was made with the rehearsal: the same one again is the same run. Raises ChangedMeanwhile
    when what was `seen` does not hold any more, and Impossible; then nothing was done.
    """
    cohort = _locked(cohort_id)
    made = RefundRun.objects.filter(uuid=key).first()
    if made is not None:
        if made.cohort_id != cohort.pk:
            raise ChangedMeanwhile(["This page belongs to another group."])
        return made
    if unfinished(cohort) is not None:
        raise Impossible("", ANOTHER)
    made_plan = _as_seen(cohort, whom, seen, now)
    run = RefundRun.objects.create(
        uuid=key,
        cohort=cohort,
        ends_group=whom.ends_group,
        basis=whom.basis,
        frees_seat=whom.frees_seat,
        reason=reason,
        state=State.WAITING if made_plan.needs_second else State.RUNNING,
        needs_second=made_plan.needs_second,
        made_by=actor,
        made_at=now,
    )
    _write_items(run, made_plan, now)
    if not made_plan.needs_second:
        _begin(run, made_plan, actor, now)
    _audit(run, Action.RUN_STARTED, actor, now, ip)
    return run


@transaction.atomic
def approve(
    *, run: RefundRun, seen: str, actor: User, now: dt.datetime, ip: str | None = None
) -> None:
    """A second person has seen all of it and agrees: it begins.

    Raises Impossible for who made it, AlreadyDecided, and ChangedMeanwhile; then it goes on
    waiting. Amounts are those that the second person saw.
    """
    if run.made_by_id == actor.pk:
        raise Impossible("", "You began this, so somebody else has to agree.")
    cohort = _locked(run.cohort_id)
    made_plan = _as_seen(cohort, whom_of(run), seen, now)
    waiting = RefundRun.objects.filter(pk=run.pk, state=State.WAITING)
    if not waiting.update(state=State.RUNNING, approved_by=actor, approved_at=now):
        raise AlreadyDecided
    run.refresh_from_db()
    run.items.all().delete()  # nothing was done about them yet
    _write_items(run, made_plan, now)
    _begin(run, made_plan, actor, now)
    _audit(run, Action.RUN_APPROVED, actor, now, ip)


def _locked(cohort_id: int) -> Cohort:
    """The group, as nobody else can change it or begin a run of it until we are done."""
    cohorts = Cohort.objects.select_for_update(no_key=True, of=("self",))
    return cohorts.select_related("programme").get(pk=cohort_id)


def _as_seen(cohort: Cohort, whom: Whom, seen: str, now: dt.datetime) -> Plan:
    """What would be done now, if that is what somebody looked at."""
    made = plan(cohort=cohort, whom=whom, now=now)
    if made.seen != seen:
        raise ChangedMeanwhile(CHANGED)
    if not made.lines and not whom.ends_group:
        raise Impossible("members", NOBODY)
    return made


def _write_items(run: RefundRun, made: Plan, now: dt.datetime) -> None:
    """Who cannot be done by itself waits for a person from the start: nobody is left out."""
    RunItem.objects.bulk_create(
        RunItem(
            run=run,
            enrollment=line.enrollment,
            cents=line.cents,
            state=RunItem.State.CHANGED if line.obstacle else RunItem.State.TODO,
            words=line.obstacle[:300],
            at=now if line.obstacle else None,
        )
        for line in made.lines
    )


def _begin(run: RefundRun, made: Plan, actor: User, now: dt.datetime) -> None:
    """End the group at once, if it is to end; its members' money comes one by one."""
    if not run.ends_group:
        return
    if made.cohort.status != Cohort.Status.ARCHIVED:
        ending.end_group(
            cohort_id=run.cohort_id,
            version=made.cohort.version,
            actor=actor,
            reason=run.reason,
            now=now,
        )
    # Nobody's card is charged for a group that is over, however long the run takes.
    due = Instalment.objects.filter(
        enrollment__cohort=run.cohort_id, status=Instalment.Status.DUE
    ).values_list("enrollment", flat=True)
    for enrollment_id in sorted(set(due)):
        plans.end_plan(enrollment_id=enrollment_id, now=now, why="The group is not held any more")


# --- While it runs ----------------------------------------------------------------------


def pause(*, run: RefundRun) -> bool:
    """No further person is begun; False unless it was running."""
    running = RefundRun.objects.filter(pk=run.pk, state=State.RUNNING)
    return bool(running.update(state=State.PAUSED))


def go_on(*, run: RefundRun) -> bool:
    """Workers may take the next person; False unless it was paused."""
    paused = RefundRun.objects.filter(pk=run.pk, state=State.PAUSED)
    return bool(paused.update(state=State.RUNNING))


@transaction.atomic
def stop(
    *, run: RefundRun, seen: int, actor: User, now: dt.datetime, ip: str | None = None
) -> None:
    """Set aside everybody who is not done, for good; or decline a run that waits.

    Only a run that stands still can be stopped, so that `seen`, the number of people who are set
    aside, is what the page showed. Raises ChangedMeanwhile and AlreadyDecided.
    """
    over = {"state": State.STOPPED, "finished_at": now}
    declined = RefundRun.objects.filter(pk=run.pk, state=State.WAITING).update(**over)
    if not declined and not RefundRun.objects.filter(pk=run.pk, state=State.PAUSED).update(**over):
        raise AlreadyDecided
    left = run.items.filter(state__in=RunItem.OPEN)
    # Waits for a worker that has just begun with one, who is then not among them.
    aside = left.update(state=RunItem.State.ASIDE, at=now, words=DECLINED if declined else STOPPED)
    if aside != seen:
        raise ChangedMeanwhile(["Somebody was done meanwhile."])
    _audit(run, Action.RUN_STOPPED, actor, now, ip)
    run.refresh_from_db()


def stopped_by(run: RefundRun) -> User | None:
    """Who declined or stopped it, as the audit log says. One query, or none for another run."""
    if run.state != State.STOPPED:
        return None
    entries = AuditEntry.objects.filter(action=Action.RUN_STOPPED, subject_kind=Subject.RUN)
    entry = entries.select_related("actor").filter(subject_id=str(run.uuid)).first()
    return entry.actor if entry else None


def _audit(run: RefundRun, action: Action, actor: User, now: dt.datetime, ip: str | None) -> None:
    audit.record(
        actor=actor, action=action, subject_kind=Subject.RUN, subject_id=run.uuid, now=now, ip=ip
    )


# --- Looking ----------------------------------------------------------------------------


def with_progress() -> Any:
    """A query of runs with `people`, `done` and `open`, and their cents: `total`, `done_cents`…"""
    done, left = Q(items__state="done"), Q(items__state__in=RunItem.OPEN)
    return RefundRun.objects.select_related("cohort", "made_by", "approved_by").annotate(
        people=Count("items"),
        done=Count("items", filter=done),
        open=Count("items", filter=left),
        total=Coalesce(Sum("items__cents"), 0),
        done_cents=Coalesce(Sum("items__cents", filter=done), 0),
        open_cents=Coalesce(Sum("items__cents", filter=left), 0),
    )


def waiting(now: dt.datetime) -> Any:
    """Runs that are not over, oldest first, for the queue. One query."""
    return with_progress().filter(state__in=RefundRun.NOT_OVER).order_by("made_at", "pk")
