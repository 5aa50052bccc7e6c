"""How far a goal is, in weeks 1, 4, 8 and 12."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.models import User
from enrollment.views.asking import form_status, fresh, member_of
from practice import known_as, rating
from practice.aiming import Changed, NotPossible
from practice.goal_forms import RatingForm
from practice.goals import Reached, open_looks
from practice.models import RATED_WEEKS, Goal, GoalRating
from practice.own import OwnPractice
from practice.rating import Rewritten
from practice.views.asking import own_practice_or_404, seen_in
from practice.views.goal_parts import GET_OR_POST, aim_of, around, ended, goal_or_404

# The revision of the goal, whose steps the page shows; "seen" is that of the rating.
GOAL_SEEN = "goal_seen"


@login_required
@fresh
@require_http_methods(GET_OR_POST)
def look(request: HttpRequest, public_id: uuid.UUID, goal: uuid.UUID, week: int) -> HttpResponse:
    practice = own_practice_or_404(request, public_id)
    row = goal_or_404(practice, goal)
    if week not in RATED_WEEKS or week < practice.enrollment.first_week:
        raise Http404
    if row.ended_at:
        return ended(request, practice, row)
    if week not in open_looks(practice):
        context = {**around(practice), "aim": aim_of(row), "number": week}
        status = 409 if request.method == "POST" else 200
        return render(request, "practice/goals/not_yet.html", context, status=status)
    earlier = _rating(row, week)
    form = _form(request, row, earlier, past_week=_past(practice, week))
    status, overtaken, rewritten = form_status(form), False, False
    seen, goal_seen = _revision(earlier), row.revision
    if form.is_bound:
        seen, goal_seen = seen_in(request), seen_in(request, GOAL_SEEN)
    if form.is_valid():
        try:
            _rate(request, practice, row, week, form)
        except Rewritten:
            # With the steps as they are now; what was chosen and typed stays.
            row = goal_or_404(practice, goal)
            form = _form(request, row, earlier, past_week=_past(practice, week))
            rewritten, status, goal_seen = True, 409, row.revision
        except Changed:
            overtaken, status, earlier = True, 409, _rating(row, week)
            seen = _revision(earlier)
        except NotPossible as refused:
            messages.warning(request, str(refused))
            return redirect("practice:goals", public_id)
        else:
            messages.success(request, "Saved. You can correct it at any time.")
            return redirect("practice:goals", public_id)
    context = {
        **around(practice),
        "form": form,
        "aim": aim_of(row),
        "number": week,
        "earlier": earlier,
        "reached": Reached.load(earlier.content) if earlier else None,
        "seen": seen,
        "goal_seen": goal_seen,
        "overtaken": overtaken,
        "rewritten": rewritten,
        "saved_by": overtaken and saved_by(earlier, member_of(request)),
    }
    return render(request, "practice/goals/look.html", context, status=status)


def _rating(goal: Goal, week: int) -> GoalRating | None:
    return goal.ratings.select_related("rated_by").filter(week=week).first()


def saved_by(earlier: GoalRating | None, member: User) -> str:
    return known_as.name_of(person=earlier.rated_by if earlier else None, member=member)


def _revision(earlier: GoalRating | None) -> int:
    return earlier.revision if earlier else 0


def _past(practice: OwnPractice, week: int) -> int | None:
    """The week of the look, once another one has begun."""
    return week if practice.current and practice.current.number > week else None


def _form(
    request: HttpRequest, goal: Goal, earlier: GoalRating | None, *, past_week: int | None
) -> RatingForm:
    aim = aim_of(goal)
    if request.method == "POST":
        return RatingForm(request.POST, aim=aim, past_week=past_week)
    reached = Reached.load(earlier.content) if earlier else None
    return RatingForm.showing(aim, reached, past_week=past_week)


def _rate(
    request: HttpRequest, practice: OwnPractice, goal: Goal, week: int, form: RatingForm
) -> None:
    rating.rate(
        practice=practice,
        goal=goal,
        week=week,
        level=form.cleaned_data["level"],
        note=form.cleaned_data["note"],
        by=member_of(request),
        seen=seen_in(request),
        goal_seen=seen_in(request, GOAL_SEEN),
        now=timezone.now(),
    )
