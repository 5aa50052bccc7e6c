"""What a practitioner sees of those who share with them, a part a page; and what they may write."""

import dataclasses
import uuid
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from enrollment.views.asking import form_status, fresh, member_of
from practice import aiming, care, consent, proposals, shared, shared_goals
from practice.care_forms import AgreeForm, ProposalForm, RatingForm, TakeBackForm
from practice.goals import open_looks
from practice.models import Goal, Part, Proposal, Share
from practice.sharing import Names
from practice.views.gate import CHANGED, LATE, not_shared, reads_shared

forms_here = require_http_methods(["GET", "HEAD", "POST"])


@reads_shared
@require_safe
def members(request: HttpRequest) -> HttpResponse:
    """Who shares with me, and until when."""
    found = shared.shared_with(reader=member_of(request), now=timezone.now())
    return render(request, "practice/care/members.html", {"shared": found})


@reads_shared
@require_safe
def overview(request: HttpRequest, share: Share) -> HttpResponse:
    """What one member shares. Coming here the first time is how the invitation is accepted."""
    shared.accept(share=share, now=timezone.now())
    context = {
        **head(share, ""),
        "words": consent.reader_words(share.parts, share.terms_version),
        "role": share.get_role_display(),
    }
    return render(request, "practice/care/overview.html", context)


def head(share: Share, here: str) -> dict[str, Any]:
    """Whose it is, the parts, and which of them this is."""
    return {
        "share": share,
        "member": Names.load(share.content).signature,
        "until": shared.last_day(share),
        "here": here,
        "parts": [part.value for part in Part if part in share.parts],
    }


def reading(request: HttpRequest, share: Share, part: Part) -> dict[str, Any]:
    """Who reads which part when, for `shared.opened`."""
    return {
        "public_id": share.public_id,
        "reader": member_of(request),
        "part": part,
        "now": timezone.now(),
        "ip": get_adapter().get_client_ip(request),
    }


def shown(request: HttpRequest, share: Share, part: Part, form: Any = None) -> HttpResponse:
    """The page of a part, read while the consent is held. 404 for a part that is not in it, and
    for a consent that ended a moment ago."""
    try:
        with shared.opened(**reading(request, share, part)) as held:
            context = {**head(held, part.value), **CONTENTS[part](held, form)}
    except Share.DoesNotExist:
        raise Http404 from None
    status = form_status(form) if form is not None else 200
    return render(request, f"practice/care/{part.value}.html", context, status=status)


# --- The plan ---------------------------------------------------------------------------


@reads_shared
@fresh
@forms_here
def plan(request: HttpRequest, share: Share, late: bool = False) -> HttpResponse:
    if request.method != "POST":
        return shown(request, share, Part.PLAN)
    if Part.PLAN not in share.parts:
        return not_shared(request, share, late)
    if "take_back" in request.POST:
        return take_back(request, share)
    now = timezone.now()
    practice = care.practice_behind(enrollment=share.enrollment, now=now)
    form = ProposalForm(request.POST, weeks=practice.begun)
    if late and not was_sent(form, share):
        form.add_error(None, LATE)
    if not form.is_valid():
        return shown(request, share, Part.PLAN, form)
    said = form.cleaned_data
    try:
        proposals.propose(
            public_id=share.public_id,
            reader=member_of(request),
            key=said["key"],
            week=said["week"],
            kind=Proposal.Kind(said["kind"]),
            words=proposals.Words(text=said["text"], way=said["way"]),
            practice=practice,
            now=now,
        )
    except Share.DoesNotExist:
        raise Http404 from None
    except proposals.NotPossible as refused:
        form.add_error(None, str(refused))
        return shown(request, share, Part.PLAN, form)
    messages.success(request, "The member sees it from now on.")
    return redirect("practice:care_plan", share.public_id)


def was_sent(form: ProposalForm, share: Share) -> bool:
    """By an earlier press: the member's change of the consent took it along."""
    return form.is_valid() and share.proposals.filter(public_id=form.cleaned_data["key"]).exists()


def take_back(request: HttpRequest, share: Share) -> HttpResponse:
    form = TakeBackForm(request.POST)
    if not form.is_valid():
        raise Http404
    try:
        proposals.take_back(
            public_id=share.public_id,
            reader=member_of(request),
            proposal=form.cleaned_data["take_back"],
            now=timezone.now(),
        )
    except (Share.DoesNotExist, Proposal.DoesNotExist):
        raise Http404 from None
    except proposals.NotPossible as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, "It is taken back, and its words are erased.")
    return redirect("practice:care_plan", share.public_id)


def plan_context(share: Share, form: ProposalForm | None) -> dict[str, Any]:
    now = timezone.now()
    practice = care.practice_behind(enrollment=share.enrollment, now=now)
    by = shared.colleagues(share=share, part=Part.PLAN, now=now)
    # What came back was not stored under its key; that may be of something that was taken back.
    key = {"key": uuid.uuid4()}
    if form:
        form.data = {**dict(form.data.items()), **key}
    return {
        "weeks": care.planned_weeks(practice=practice, by=by, now=now),
        "others": [one for one in by.values() if one.share.pk != share.pk],
        "form": form or ProposalForm(initial=key, weeks=practice.begun),
    }


# --- The diary and attendance -----------------------------------------------------------


@reads_shared
@require_safe
def diary(request: HttpRequest, share: Share) -> HttpResponse:
    return shown(request, share, Part.DIARY)


def diary_context(share: Share, form: None) -> dict[str, Any]:
    practice = care.practice_behind(enrollment=share.enrollment, now=timezone.now())
    return {"weeks": care.diary_weeks(practice=practice)}


@reads_shared
@require_safe
def attendance(request: HttpRequest, share: Share) -> HttpResponse:
    return shown(request, share, Part.ATTENDANCE)


def attendance_context(share: Share, form: None) -> dict[str, Any]:
    now = timezone.now()
    practice = care.practice_behind(enrollment=share.enrollment, now=now)
    return {"sessions": care.attendance_of(practice=practice, now=now)}


# --- Goals ------------------------------------------------------------------------------


@reads_shared
@fresh
@forms_here
def goals(request: HttpRequest, share: Share, late: bool = False) -> HttpResponse:
    """A press agrees on the steps of a goal, or rates it."""
    if request.method != "POST":
        return shown(request, share, Part.GOALS)
    if Part.GOALS not in share.parts:
        return not_shared(request, share, late)
    form = sent(request, late)
    if not form.is_valid():
        if isinstance(form, RatingForm) and form.has_place:
            return shown(request, share, Part.GOALS, form)
        messages.warning(request, CHANGED if late else aiming.CHANGED)
        return redirect("practice:care_goals", share.public_id)
    try:
        words = write(request, share, form)
    except (Share.DoesNotExist, Goal.DoesNotExist):
        raise Http404 from None
    except aiming.NotPossible as refused:
        if isinstance(form, RatingForm):  # what was typed stays
            form.add_error(None, str(refused))
            return shown(request, share, Part.GOALS, form)
        messages.warning(request, str(refused))
    else:
        messages.success(request, words)
    return redirect("practice:care_goals", share.public_id)


def sent(request: HttpRequest, late: bool) -> AgreeForm | RatingForm:
    form = AgreeForm(request.POST) if "agree" in request.POST else RatingForm(request.POST)
    if late:
        form.add_error(None, LATE)
    return form


def write(request: HttpRequest, share: Share, form: AgreeForm | RatingForm) -> str:
    said, now = form.cleaned_data, timezone.now()
    who: dict[str, Any] = {"public_id": share.public_id, "reader": member_of(request), "now": now}
    if isinstance(form, AgreeForm):
        shared_goals.agree(**who, goal=said["goal"], seen=said["seen"])
        return "It is noted that you agreed on these steps together."
    practice = care.practice_behind(enrollment=share.enrollment, now=now)
    shared_goals.rate(**who, practice=practice, **said)
    return "The rating is saved."


@dataclasses.dataclass(frozen=True, slots=True)
class GoalOnPage:
    shared: care.SharedGoal
    ratings: list[RatingForm]


def goals_context(share: Share, form: RatingForm | None) -> dict[str, Any]:
    now = timezone.now()
    practice = care.practice_behind(enrollment=share.enrollment, now=now)
    by = shared.colleagues(share=share, part=Part.GOALS, now=now)
    weeks = open_looks(practice)
    found = care.goals_of(enrollment=share.enrollment, by=by)
    return {
        "goals": [
            GoalOnPage(goal, [rating_form(goal, week, form) for week in weeks]) for goal in found
        ],
        "form": form,
        "others": [one for one in by.values() if one.share.pk != share.pk],
    }


def rating_form(goal: care.SharedGoal, week: int, sent: RatingForm | None) -> RatingForm:
    """The one that came back with errors stands in its place; it knows by then what it would
    write over, and the steps as they are."""
    stands = goal.rated(week)
    seen = {"seen": stands.revision if stands else 0, "goal_seen": goal.goal.revision}
    if sent is not None and sent.is_about(goal.goal.public_id, week):
        sent.auto_id = f"id_{goal.goal.slot}_{week}_%s"
        sent.data = {**dict(sent.data.items()), **{name: str(it) for name, it in seen.items()}}
        return sent
    initial = {"goal": goal.goal.public_id, "week": week, **seen}
    if stands:
        initial |= {"level": stands.reached.level, "note": stands.reached.note}
    return RatingForm(initial=initial, auto_id=f"id_{goal.goal.slot}_{week}_%s")


CONTENTS: dict[Part, Any] = {
    Part.PLAN: plan_context,
    Part.DIARY: diary_context,
    Part.GOALS: goals_context,
    Part.ATTENDANCE: attendance_context,
}
