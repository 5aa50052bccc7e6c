"""A member's progress: the page, its pictures as images, and a summary to print."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.plots import COLOURS, NARROW, ONLY_AN_IMAGE, WIDTH
from practice import progress as facts
from practice.drawing import svg
from practice.paper import PRINTED_WEEKS, draw
from practice.pictures import PICTURES, legend
from practice.summary import summary_of
from practice.views.asking import own_practice_or_404


@login_required
@never_cache
@require_safe
def progress(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    practice = own_practice_or_404(request, public_id)
    summary = summary_of(practice)
    changes, places = facts.changes(summary.days), facts.places(summary)
    looked_at = facts.looked_at(summary.goals)
    context = {
        "practice": practice,
        "enrollment": practice.enrollment,
        "summary": summary,
        "changes": changes,
        "changes_words": facts.changes_words(changes),
        "places": places,
        "places_words": facts.places_words(places),
        "looked_at": looked_at,
        "goals_words": facts.goals_words(summary.goals),
        "goal_rows": facts.goal_rows(summary.goals),
        "legend": legend(looked_at),
        "together": facts.together(summary.goals),
        "about_together": facts.ABOUT_TOGETHER,
        "weeks_words": facts.weeks_words(summary),
        "papers": [week for week in PRINTED_WEEKS if week in summary.looks],
    }
    return render(request, "practice/progress/page.html", context)


@login_required
@never_cache
@require_safe
def picture(request: HttpRequest, public_id: uuid.UUID, name: str, theme: str) -> HttpResponse:
    if name not in PICTURES or theme not in COLOURS:
        raise Http404
    summary = summary_of(own_practice_or_404(request, public_id))
    width = NARROW if "narrow" in request.GET else WIDTH
    image = svg(PICTURES[name](summary, width=width), theme=theme)
    return HttpResponse(image, content_type="image/svg+xml", headers=ONLY_AN_IMAGE)


@login_required
@never_cache
@require_safe
def paper(request: HttpRequest, public_id: uuid.UUID, week: int) -> HttpResponse:
    """What was there until the end of that week, to print or to take along. It is not stored.

    Before the week has begun, the page that says from when on.
    """
    practice = own_practice_or_404(request, public_id)
    if week not in PRINTED_WEEKS:
        raise Http404
    summary = summary_of(practice)
    if week not in summary.looks:
        return redirect("practice:progress", public_id)
    content = draw(practice=practice, summary=summary.until(week), week=week)
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="week-{week}.pdf"'},
    )
