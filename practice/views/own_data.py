"""What is kept about me: taking it along, and having what I wrote erased."""

import uuid

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import exports
from accounts.proof import needs_proof
from enrollment.views.asking import fresh, member_of
from practice import erasing, fhir
from practice.changes import ChangedMeanwhile
from practice.erasing import What
from practice.own import OwnPractice, seats_of
from practice.views.asking import own_practice_or_404

EVERYTHING = "everything"
ERASED = {
    What.PROFILE: "Your look at your daily life is erased.",
    What.PLANS: "Your weekly plans are erased.",
    What.DIARY: "Your diary is erased.",
    What.GOALS: "Your goals are erased.",
    What.SHARING: "What you shared is erased, and with whom.",
    None: "What you wrote in your practice is erased.",
}


@login_required
@fresh
@require_safe
def own_data(request: HttpRequest) -> HttpResponse:
    found = erasing.counts(member=member_of(request))
    seats = list(seats_of(member=member_of(request)))
    context = {
        "kinds": [what for what, number in found.items() if number],
        "everything": EVERYTHING,
        "rooms": exports.rooms(),
        "practice": seats[0] if seats else None,
        "seats": seats,
    }
    return render(request, "practice/own_data.html", context)


@needs_proof
@fresh
@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """Everything as one archive, made in memory."""
    packed = exports.archive(
        person=member_of(request), practice_name=settings.PRACTICE_NAME, now=timezone.now()
    )
    response = HttpResponse(packed, content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="my-data.zip"'
    return response


@needs_proof
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest, what: str) -> HttpResponse:
    """A look at what goes and what stays, then the press."""
    if what not in {*What.values, EVERYTHING}:
        raise Http404
    chosen = None if what == EVERYTHING else What(what)
    member, now = member_of(request), timezone.now()
    if request.method == "POST":
        try:
            erasing.erase(
                member=member,
                what=chosen,
                seen=request.POST.get("seen", ""),
                now=now,
                ip=get_adapter().get_client_ip(request),
            )
        except ChangedMeanwhile:
            messages.warning(
                request,
                "Something was saved since you opened the page, so nothing was erased. Here is "
                "what there is now.",
            )
            return redirect(request.path)
        messages.success(request, ERASED[chosen])
        response = redirect("practice:own_data")
        if chosen in (None, What.DIARY):  # with the drafts that this browser kept
            response["Clear-Site-Data"] = '"storage"'
        return response
    found = erasing.counts(member=member)
    context = {
        "what": chosen,
        "going": [one for one in ([chosen] if chosen else What) if found[one]],
        "sharing": chosen in (None, What.SHARING) and found[What.SHARING],
        "staying": exports.what_stays(person=member, now=now),
        "seen": erasing.fingerprint(found),
    }
    return render(request, "practice/erase.html", context)


@login_required
@fresh
def plan_fhir(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """My plan, goals and diary in one group, in the format that clinics' systems read."""
    practice = own_practice_or_404(request, public_id)
    response: HttpResponse = _plan_file(request, practice)
    return response


@needs_proof
@require_safe
def _plan_file(request: HttpRequest, practice: OwnPractice) -> HttpResponse:
    response = HttpResponse(fhir.own_bundle(practice=practice), content_type=fhir.CONTENT_TYPE)
    response["Content-Disposition"] = 'attachment; filename="plan.fhir.json"'
    return response
