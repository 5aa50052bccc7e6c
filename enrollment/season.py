"""Planning a season: groups as drafts, their dates, publishing, seats, and the next season.

A draft arms nothing: it has no sessions, no seats and no mails until it is published.
"""

import datetime as dt
from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.forms import ModelForm
from django.utils.text import slugify

from accounts.models import Role, User
from enrollment import opening, waitlist
from enrollment.history import ChangedMeanwhile
from enrollment.models import Seat, Visit
from sessions import bookings, schedule
from sessions.models import Cohort, GroupSession
from sessions.services import fingerprint

DAY = dt.timedelta(days=1)
WEEK = dt.timedelta(weeks=1)
# How many weeks after a group's end a free first date is looked for.
LOOK_AHEAD = 8


class NotPossible(Exception):
    """Nothing was changed; `reasons` are sentences for the person who asked."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


def groups_of(planner: User) -> "QuerySet[Cohort]":
    """What somebody may plan: every group for an admin, those that they lead for a facilitator."""
    groups = Cohort.objects.all()
    if not planner.plans:
        return groups.none()
    if planner.role == Role.ADMIN:
        return groups
    return groups.filter(pk__in=planner.cohorts_led.values("pk"))


def free_slug(cohort: Cohort) -> str:
    """An address that says name and season, and that no other group has."""
    stem = slugify(f"{cohort.name[:56]} {cohort.first_date:%Y-%m-%d}")
    taken = set(Cohort.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    numbered = (f"{stem}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (stem, *numbered) if slug not in taken)


@transaction.atomic
def save_draft(form: "ModelForm[Cohort]") -> Cohort:
    """Store what a valid form says. Raises NotPossible if the draft was published meanwhile, or
    the same one was stored in this moment, and ChangedMeanwhile if it is not what the form showed
    any more: a form stores all that it shows."""
    if form.instance.pk:
        if fingerprint(_locked_draft(form.instance)) != form.cleaned_data["seen"]:
            raise ChangedMeanwhile
    else:
        form.instance.slug = free_slug(form.instance)
    try:
        with transaction.atomic():
            cohort: Cohort = form.save()
    except IntegrityError:  # the same, saved in the same moment
        raise NotPossible(
            "A group with this name and first date was saved a moment ago: here it is."
        ) from None
    return cohort


# --- The dates of a draft ---------------------------------------------------------------


@transaction.atomic
def skip(*, cohort: Cohort, day: dt.date) -> None:
    """No session on that day; the end moves, it stays twelve. Raises NotPossible."""
    draft = _locked_draft(cohort)
    _set_skipped(draft, draft.skipped() | {day})


@transaction.atomic
def hold_after_all(*, cohort: Cohort, day: dt.date) -> None:
    """A session on that day after all; what was skipped beyond the new end is forgotten."""
    draft = _locked_draft(cohort)
    skipped = draft.skipped() - {day}
    days = (draft.first_date + number * WEEK for number in range(schedule.LONGEST_SPAN_WEEKS))
    held = [one for one in days if one not in skipped][: schedule.WEEKS]
    skipped = {one for one in skipped if one < held[-1]}
    _set_skipped(draft, skipped)


def _locked_draft(cohort: Cohort) -> Cohort:
    draft = Cohort.objects.select_for_update().get(pk=cohort.pk)
    if draft.status != Cohort.Status.DRAFT:
        was = "archived" if draft.status == Cohort.Status.ARCHIVED else "published"
        raise NotPossible(f"This group is {was}: its dates are not changed here any more.")
    return draft


def _set_skipped(draft: Cohort, skipped: Collection[dt.date]) -> None:
    try:
        schedule.meeting_dates(draft.first_date, skipped)
    except schedule.ImpossibleSchedule as error:
        raise NotPossible(str(error)) from None
    draft.skipped_dates = [day.isoformat() for day in sorted(skipped)]
    draft.save(update_fields=["skipped_dates"])


# --- From state to state ----------------------------------------------------------------


def publish(*, cohort: Cohort, now: dt.datetime, seen: str | None = None) -> None:
    """Open a draft for members, as whoever presses has `seen` it (its fingerprint).

    Raises NotPossible with every reason, and changes nothing.
    """
    try:
        with transaction.atomic():
            draft = _locked_draft(cohort)
            if seen is not None and seen != fingerprint(draft):
                raise NotPossible(
                    "Somebody changed this draft since you opened the page, so it was not "
                    "published. Here is what stands now."
                )
            if reasons := opening.reasons_not_to_publish(cohort=draft, now=now):
                raise NotPossible(*reasons)
            opening.open_enrollment(cohort=draft)
    except bookings.Conflict as conflict:  # published elsewhere between the look and the booking
        raise NotPossible(*conflict.reasons) from None


def archive(*, cohort: Cohort, now: dt.datetime) -> None:
    """Put a group away. Raises NotPossible while it has a session ahead."""
    done = (
        Cohort.objects.filter(pk=cohort.pk)
        .exclude(status=Cohort.Status.ARCHIVED)
        .exclude(Q(group_sessions__ends_at__gt=now, group_sessions__cancelled_at=None))
        .update(status=Cohort.Status.ARCHIVED)
    )
    if not done:
        raise NotPossible(
            "This group has sessions ahead, or is archived already. A group can be archived "
            "after its last session."
        )


def bring_back(*, cohort: Cohort) -> None:
    """Make a draft again of one that was put away. Raises NotPossible for every other group."""
    opened = Exists(GroupSession.objects.filter(cohort=OuterRef("pk")))
    back = Cohort.objects.filter(~opened, pk=cohort.pk, status=Cohort.Status.ARCHIVED)
    if not back.update(status=Cohort.Status.DRAFT):
        raise NotPossible("Only a draft that was archived can be brought back.")


# --- Seats ------------------------------------------------------------------------------


@transaction.atomic
def change_capacity(
    *, cohort: Cohort, capacity: int, now: dt.datetime, seen: int | None = None
) -> None:
    """Add chairs, or take free ones away. Raises NotPossible below the seats that are taken, or
    that somebody from another group visits on, and for an archived group.

    `seen` is the number that the page showed: ChangedMeanwhile if it is another by now, unless it
    is the one that is wanted. None for whoever looked at no page.

    Buyers do not wait: the cohort is locked against other staff only, and a chair goes only
    while it is free, which its locked row says even if it was free a moment ago.
    """
    group = Cohort.objects.select_for_update(no_key=True).get(pk=cohort.pk)
    if group.status == Cohort.Status.ARCHIVED:
        raise NotPossible("This group is archived: its seats are not changed any more.")
    if seen is not None and group.capacity not in (seen, capacity):
        raise ChangedMeanwhile
    most = group.programme.max_capacity
    if capacity > max(most, group.capacity):
        raise NotPossible(f"This program seats at most {most}.")
    group.capacity = capacity
    group.save(update_fields=["capacity"])
    if group.status == Cohort.Status.DRAFT:
        return
    excess = Seat.objects.filter(cohort=group).count() - capacity
    if excess > 0:
        free = Seat.objects.filter(cohort=group, enrollment=None).select_for_update()
        going = [seat.pk for seat in free.order_by("-number")]
        # Asked when the chairs are locked, so that nobody takes one of them meanwhile.
        visited = set(
            Visit.objects.filter(
                seat__in=going, given_back_at=None, session__ends_at__gt=now
            ).values_list("seat", flat=True)
        )
        going = [pk for pk in going if pk not in visited][:excess]
        if len(going) < excess:
            raise NotPossible(_too_few(group, capacity, len(visited)))
        Seat.objects.filter(pk__in=going, enrollment=None).delete()
    opening.add_chairs(cohort=group)
    waitlist.pass_on(cohort_id=group.pk, now=now)


def _too_few(group: Cohort, capacity: int, visited: int) -> str:
    taken = Seat.objects.filter(cohort=group).exclude(enrollment=None).count()
    words = f"{taken} {'seat is' if taken == 1 else 'seats are'} taken"
    if visited:
        words += f" and {visited} kept for somebody from another group this week"
    least = taken + visited
    return f"{words}, so {capacity} is too few. The smallest number now is {least}."


# --- Another group, another season ------------------------------------------------------


def usual_states() -> list[str]:
    """Where the newest group is open; a practice's licences seldom change."""
    newest = Cohort.objects.order_by("-pk").values_list("admitted_states", flat=True).first()
    return newest or []


def another_date(*, cohort: Cohort, leaders: Collection[User], today: dt.date) -> dt.date:
    """A first date in the group's own week, from Monday to Friday, on which nobody is wanted
    twice at the group's hour: the next such day, else an earlier one.

    Without one, the group's own weekday: it takes another hour or another leader then.
    """
    own = cohort.first_date
    if own <= today:  # tomorrow would be too soon to find anybody
        own = _first_after(today + WEEK, own)
    monday = own - own.weekday() * DAY
    week = [monday + number * DAY for number in range(5)]
    days = [*(day for day in week if day > own), *(day for day in week if today < day < own)]
    free = bookings.free_plans(plans=[like(cohort, day) for day in days], leaders=leaders)
    return free[0].first_date if free else own


def next_first_date(*, cohort: Cohort, leaders: Collection[User], today: dt.date) -> dt.date:
    """The first week after the group's end, on its weekday, in which nobody is wanted twice.

    Where every one of `LOOK_AHEAD` weeks meets another group, the first of them.
    """
    last = schedule.meeting_dates(cohort.first_date, cohort.skipped())[-1]
    first = _first_after(today, last + WEEK)
    plans = [like(cohort, first + number * WEEK) for number in range(LOOK_AHEAD)]
    free = bookings.free_plans(plans=plans, leaders=leaders)
    return free[0].first_date if free else first


def _first_after(today: dt.date, day: dt.date) -> dt.date:
    """That day, or the first a number of weeks later that is still to come."""
    return day if day > today else day + ((today - day) // WEEK + 1) * WEEK


def like(cohort: Cohort, first_date: dt.date) -> Cohort:
    """The same group from another date: not stored, and without its skipped dates. A name that
    only says weekday and time of day is left out, to follow the date."""
    usual = schedule.usual_name(cohort.first_date, cohort.wall_time)
    return Cohort(
        programme=cohort.programme,
        name="" if cohort.name == usual else cohort.name,
        first_date=first_date,
        wall_time=cohort.wall_time,
        time_zone=cohort.time_zone,
        duration_minutes=cohort.duration_minutes,
        capacity=cohort.capacity,
        price_cents=cohort.price_cents,
        currency=cohort.currency,
        admission=cohort.admission,
        admitted_states=cohort.admitted_states,
        meeting_url=cohort.meeting_url,
    )
