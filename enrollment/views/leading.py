"""Who leads a published group, and where it meets: ask, look, do, as in `changing.py`."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from enrollment import handovers, meeting_links
from enrollment.change_forms import LeadersForm, LinkForm, SubstituteForm
from enrollment.views.asking import fresh, member_of
from enrollment.views.changing import Change, ask_look_do
from enrollment.views.desk import led_cohort_or_404

SUBSTITUTE = Change(
    title="Somebody else leads one session",
    form=SubstituteForm,
    preview=handovers.preview,
    apply=handovers.apply,
    template="enrollment/desk/leaders_preview.html",
)
LEADERS = Change(
    title="Change who leads",
    form=LeadersForm,
    preview=handovers.preview,
    apply=handovers.apply,
    template="enrollment/desk/leaders_preview.html",
)
LINK = Change(
    title="Change the meeting link",
    form=LinkForm,
    preview=meeting_links.preview,
    apply=meeting_links.apply,
    template="enrollment/desk/link_preview.html",
)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def substitute(request: HttpRequest, slug: str) -> HttpResponse:
    return ask_look_do(request, led_cohort_or_404(request, slug), SUBSTITUTE)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def leaders(request: HttpRequest, slug: str) -> HttpResponse:
    """For admins: whoever is added may read the whole roster."""
    if member_of(request).role != Role.ADMIN:
        raise Http404
    return ask_look_do(request, led_cohort_or_404(request, slug), LEADERS)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, slug: str) -> HttpResponse:
    return ask_look_do(request, led_cohort_or_404(request, slug), LINK)
