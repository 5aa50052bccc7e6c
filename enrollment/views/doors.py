"""The door to a session."""

import dataclasses

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from enrollment import door as doors
from enrollment import portal
from enrollment.attendance import LATEST
from enrollment.door import DoorState, Doorway
from enrollment.forms import DoorForm
from enrollment.views.asking import form_status, fresh, member_of, posted

DOOR_STATUS = {
    DoorState.UNKNOWN: 404,
    DoorState.NOT_YOURS: 404,
    DoorState.NO_STANDING: 403,
    DoorState.STATE_NOT_ADMITTED: 403,
}


# The form's answer is a redirect to the meeting, which a browser counts as form-action.
@csp_update({"form-action": ["https:"]})
@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def door(request: HttpRequest, token: str) -> HttpResponse:
    now, member = timezone.now(), member_of(request)
    doorway = doors.look(token=token, user=member, now=now)
    form = None
    if doorway.state == DoorState.OPEN:
        form = DoorForm(posted(request), initial={"location": doors.last_location(member)})
        if form.is_valid():
            outcome = step_in(doorway, form.cleaned_data["location"])
            if isinstance(outcome, str):
                return redirect(outcome)
            doorway = outcome
    return render_door(request, doorway, form)


def step_in(doorway: Doorway, location: str) -> str | Doorway:
    """The meeting's address, or the doorway that says why it stays closed."""
    assert doorway.session is not None
    if location not in doorway.session.cohort.admitted_states:
        return dataclasses.replace(doorway, state=DoorState.STATE_NOT_ADMITTED)
    url = doors.enter(doorway=doorway, location=location, now=timezone.now())
    return url or dataclasses.replace(doorway, state=DoorState.NO_STANDING)


def render_door(request: HttpRequest, doorway: Doorway, form: DoorForm | None) -> HttpResponse:
    enrollment, session, visit = doorway.enrollment, doorway.session, doorway.visit
    context = {
        "state": doorway.state.value,
        "session": session,
        "cohort": session.cohort if session else None,
        "enrollment": enrollment,
        "visit": visit,
        "opens_at": doorway.opens_at,
        "next_session": doorway.next_session,
        "form": form,
        "late": session and not visit and timezone.now() - session.starts_at > LATEST,
        "reason": portal.STATUS_WORDS[enrollment.status] if enrollment else "",
        "now": timezone.now(),
    }
    status = DOOR_STATUS.get(doorway.state, form_status(form) if form else 200)
    return render(request, "enrollment/door.html", context, status=status)
