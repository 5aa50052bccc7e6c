"""A member's page for those who lead their group."""

import uuid

from allauth.account.adapter import get_adapter
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from enrollment import people
from enrollment.models import Enrollment
from enrollment.people import Person
from enrollment.views.asking import member_of
from enrollment.views.desk import led_cohort_or_404, led_session_or_404
from sessions.models import Cohort, GroupSession


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: HttpRequest, slug: str, public_id: uuid.UUID) -> HttpResponse:
    """Who they are and when they came; a press writes down a look at their answers.

    The press leads back here with the entry's number, so that the answers are never part of an
    answer to a POST: a reload shows the same look, and no browser keeps the page.
    """
    cohort = led_cohort_or_404(request, slug)
    try:
        found = people.person(cohort=cohort, public_id=public_id, now=timezone.now())
    except Enrollment.DoesNotExist:
        raise Http404 from None
    return show(request, found, cohort=cohort)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def person_in_session(
    request: HttpRequest, slug: str, number: int, public_id: uuid.UUID
) -> HttpResponse:
    """The same for whoever leads this one session, of those who are in it."""
    session = led_session_or_404(request, slug, number)
    try:
        found = people.person_in(session=session, public_id=public_id)
    except Enrollment.DoesNotExist:
        raise Http404 from None
    return show(request, found, cohort=session.cohort, session=session)


def show(
    request: HttpRequest, found: Person, *, cohort: Cohort, session: GroupSession | None = None
) -> HttpResponse:
    reader, now = member_of(request), timezone.now()
    if request.method == "POST":
        ip = get_adapter().get_client_ip(request)
        entry = people.look(person=found, reader=reader, now=now, ip=ip)
        query = f"?look={entry.pk}" if entry else ""
        return HttpResponseRedirect(f"{request.path}{query}#answers")
    context = {
        "cohort": cohort,
        "session": session,
        "person": found,
        "answered": people.answered(
            person=found, reader=reader, entry=number(request.GET.get("look", "")), now=now
        ),
        "now": now,
    }
    return render(request, "enrollment/desk/person.html", context)


def number(text: str) -> int | None:
    """What an address says after `look=`; None for what is no entry's number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None
