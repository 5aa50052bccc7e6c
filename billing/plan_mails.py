"""The mails about payments in parts. Each decides, when it is sent, whether it is still owed."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from accounts import clock
from billing import part_reminders, plans, words
from billing.models import Instalment, InstalmentTry, PaymentPlan
from enrollment.links import occasion
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox.kinds import register
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions.pricing import format_money

Rendered = Mapping[int, Mail | NotOwed]
NOT_PAID = "About your next payment"


def register_kinds() -> None:
    register(plans.PART_PAID, part_paid)
    register(part_reminders.PART_AHEAD, part_ahead)
    register(plans.PART_OPEN, part_open)
    register(plans.PAUSE_AHEAD, pause_ahead)
    register(plans.PAUSED, paused)


def part_paid(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """A part was paid, by the saved card or on a page; what is left, and whether a pause ended."""
    found = _parts(messages)
    siblings = _by_enrollment(part.enrollment_id for part in found.values())

    def render(message: Message) -> Mail | NotOwed:
        part = found[message.subject_id]
        if part.status != Instalment.Status.PAID:
            return NotOwed(f"The part is {part.status}.")
        parts = siblings[part.enrollment_id]
        return compose(
            "part-paid",
            f"Part {part.number} of {len(parts)} is paid",
            {
                **_context(part.enrollment),
                "part": part,
                "count": len(parts),
                "amount": format_money(part.amount_cents, part.currency),
                "to_come": _dues(parts, part.enrollment.member.time_zone),
                "resumed": message.occasion_id == plans.RESUMED,
                "caught_up": message.occasion_id == plans.CAUGHT_UP,
            },
        )

    return {message.pk: render(message) for message in messages}


def part_ahead(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """Some days before a part is taken from the saved card: how much, and on which day."""
    found = _parts(messages)
    ahead = part_reminders.still_ahead(now)
    owed = set(Instalment.objects.filter(ahead, pk__in=found).values_list("pk", flat=True))

    def render(message: Message) -> Mail | NotOwed:
        part = found[message.subject_id]
        if part.pk not in owed:
            return NotOwed(f"The part is {part.status}, the seat {part.enrollment.status}.")
        if occasion(part.due_at) != message.occasion_id:
            return NotOwed("The part is due on another day by now.")
        return compose(
            "part-ahead",
            "Your next payment",
            {
                **_context(part.enrollment),
                "part": part,
                "amount": format_money(part.amount_cents, part.currency),
                "on": clock.day(part.due_at, part.enrollment.member.time_zone),
            },
        )

    return {message.pk: render(message) for message in messages}


def part_open(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The card could not be charged: how to pay, and when we try again by ourselves."""
    found = _parts(messages)
    behind = _plans(enrollment__in=[part.enrollment_id for part in found.values()])
    plan_of = {plan.enrollment_id: plan for plan in behind}
    last = {
        charge.instalment_id: charge
        for charge in InstalmentTry.objects.filter(instalment__in=found).order_by("number")
    }

    def render(message: Message) -> Mail | NotOwed:
        part = found[message.subject_id]
        if not _owed(part.status, part.enrollment):
            return NotOwed(f"The part is {part.status}, the seat {part.enrollment.status}.")
        zone = part.enrollment.member.time_zone
        pause_at = plans.pause_time(plan_of[part.enrollment_id])
        charge = last.get(part.pk)
        return compose(
            "part-open",
            NOT_PAID,
            {
                **_context(part.enrollment),
                "part": part,
                "amount": format_money(part.amount_cents, part.currency),
                "again": clock.day(part.next_try_at, zone) if part.next_try_at else "",
                "why": words.declined_to_member(charge.note) if charge else "",
                "ask_bank": charge is not None
                and charge.status == InstalmentTry.Status.NEEDS_MEMBER,
                "until": clock.day(pause_at, zone) if pause_at else "",
            },
        )

    return {message.pk: render(message) for message in messages}


def pause_ahead(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """A day before the links pause."""

    def about(plan: PaymentPlan, part: Instalment) -> Mail | NotOwed:
        pause_at = plans.pause_time(plan)
        if plan.enrollment.status != Status.GRACE or pause_at is None:
            return NotOwed(f"The enrolment is {plan.enrollment.status}.")
        return compose(
            "pause-ahead",
            NOT_PAID,
            {
                **_context(plan.enrollment),
                "part": part,
                "amount": format_money(part.amount_cents, part.currency),
                "until": clock.day_and_time(pause_at, plan.enrollment.member.time_zone),
            },
        )

    return _about_plans(messages, about)


def paused(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The links are paused: what that means, how it ends, and that a person is there."""

    def about(plan: PaymentPlan, part: Instalment) -> Mail | NotOwed:
        if plan.enrollment.status != Status.SUSPENDED:
            return NotOwed(f"The enrolment is {plan.enrollment.status}.")
        return compose(
            "seat-paused",
            "Your seat is kept, your links are paused",
            {
                **_context(plan.enrollment),
                "part": part,
                "amount": format_money(part.amount_cents, part.currency),
            },
        )

    return _about_plans(messages, about)


# --- What they share --------------------------------------------------------------------


def _about_plans(
    messages: Sequence[Message], about: Callable[[PaymentPlan, Instalment], Mail | NotOwed]
) -> Rendered:
    """Mails about a plan and its first open part; not owed where nothing is open any more."""
    found = {plan.pk: plan for plan in _plans(pk__in=[m.subject_id for m in messages])}
    parts = _by_enrollment(plan.enrollment_id for plan in found.values())

    def render(message: Message) -> Mail | NotOwed:
        plan = found[message.subject_id]
        due = [p for p in parts[plan.enrollment_id] if p.status == Instalment.Status.DUE]
        if not due or plan.ended_at is not None:
            return NotOwed("No part is open any more.")
        if plan.overdue_since is None or int(plan.overdue_since.timestamp()) != message.occasion_id:
            return NotOwed("What was overdue then is paid.")
        return about(plan, due[0])

    return {message.pk: render(message) for message in messages}


def _owed(status: str, enrollment: Enrollment) -> bool:
    return status == Instalment.Status.DUE and enrollment.status in plans.CHARGED


def _parts(messages: Sequence[Message]) -> dict[int, Instalment]:
    parts = Instalment.objects.select_related("enrollment__member", "enrollment__cohort")
    return parts.in_bulk([message.subject_id for message in messages])


def _plans(**which: Any) -> list[PaymentPlan]:
    found = PaymentPlan.objects.select_related("enrollment__member", "enrollment__cohort")
    return list(found.filter(**which))


def _by_enrollment(ids: Any) -> dict[int, list[Instalment]]:
    found: dict[int, list[Instalment]] = {}
    for part in Instalment.objects.filter(enrollment__in=set(ids)).order_by("number"):
        found.setdefault(part.enrollment_id, []).append(part)
    return found


def _dues(parts: list[Instalment], zone: str) -> list[dict[str, object]]:
    return [
        {
            "number": part.number,
            "amount": format_money(part.amount_cents, part.currency),
            "day": clock.day(part.due_at, zone),
        }
        for part in parts
        if part.status == Instalment.Status.DUE
    ]


def _context(enrollment: Enrollment) -> dict[str, object]:
    return {
        "enrollment": enrollment,
        "member": enrollment.member,
        "zone": enrollment.member.time_zone,
    }
