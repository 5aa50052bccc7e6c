"""The leader's desk: this week's sessions, a group's roster, a session's register.

Whoever does not lead a group gets a 404 for it, as for one that does not exist.
"""

import csv
import datetime as dt
from typing import Any

from csp.decorators import csp_update
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Exists, Min, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Role, User
from accounts.plain_text import harmless
from enrollment import attendance, history, roster, waiting_desk
from enrollment import desk as desks
from enrollment.attendance import ChangedMeanwhile, Closed, Noted, TooEarly
from enrollment.forms import NoteForm
from enrollment.models import Enrollment, Mark
from enrollment.views.asking import member_of
from sessions import leading
from sessions.models import Cohort, GroupSession

# A host sets up before the door opens for the others.
HOST_EARLY = dt.timedelta(hours=1)
CHANGED = (
    "Somebody else noted something about this session while you were writing, so nothing was "
    "saved. Here is what stands now: please look, and note what is missing."
)
CLOSED = (
    "Somebody closed this attendance while you were writing, so each line keeps its mark and "
    "nothing was saved. Here is what stands now: please look, and correct what is wrong."
)


def leader_or_404(request: HttpRequest) -> User:
    leader = member_of(request)
    if not leader.leads:
        raise Http404
    return leader


def led_cohort_or_404(request: HttpRequest, slug: str) -> Cohort:
    cohorts = roster.cohorts_of(leader_or_404(request)).select_related("programme")
    return get_object_or_404(cohorts, slug=slug)


def led_session_or_404(request: HttpRequest, slug: str, number: int) -> GroupSession:
    """A session of the leader's groups, or one in which they stand in for somebody."""
    sessions = roster.sessions_of(leader_or_404(request), timezone.now())
    return get_object_or_404(
        sessions.select_related("register", "cohort__programme"), cohort__slug=slug, number=number
    )


# A host's press is answered with a redirect to the meeting, which a browser counts as form-action.
@csp_update({"form-action": ["https:"]})
@login_required
@never_cache
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """What is on now, and for the next seven days."""
    leader, now = leader_or_404(request), timezone.now()
    start = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    sessions = desks.desk(leader=leader, since=start, now=now)
    tomorrow = start + dt.timedelta(days=1)
    leads = Cohort.facilitators.through.objects.filter(cohort=OuterRef("pk"), user=leader)
    led = dict(  # by the id of a group that they may open: whether they lead it
        roster.cohorts_of(leader)
        .filter(pk__in={one.session.cohort_id for one in sessions})
        .annotate(own=Exists(leads))
        .values_list("pk", "own")
    )
    context = {
        "today": [one for one in sessions if one.session.starts_at < tomorrow],
        "later": [one for one in sessions if one.session.starts_at >= tomorrow],
        "now": now,
        "host_early": HOST_EARLY,
        "led": led,
        "next_led": desks.next_led(
            sessions=sessions, own={pk for pk, own in led.items() if own}, leader=leader
        ),
        "still_open": desks.still_open(leader=leader, now=now),
        "standing_in": desks.standing_in(leader=leader, now=now),
        "groups": roster.cohorts_of(leader)
        .filter(group_sessions__ends_at__gt=now, group_sessions__cancelled_at=None)
        .annotate(next_at=Min("group_sessions__starts_at"))
        .order_by("next_at", "pk"),
    }
    return render(request, "enrollment/desk/today.html", context)


@login_required
@never_cache
@require_safe
def arrivals(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Who has arrived: the part of the desk that brings itself up to date."""
    session = led_session_or_404(request, slug, number)
    [desk] = desks.at_desk(sessions=GroupSession.objects.filter(pk=session.pk), now=timezone.now())
    return render(request, "enrollment/desk/_arrivals.html", {"desk": desk})


@login_required
@never_cache
@require_POST
def start(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Into the meeting as its host; the address stands on no page."""
    session, now = led_session_or_404(request, slug, number), timezone.now()
    if session.cancelled_at or not session.starts_at - HOST_EARLY <= now < session.ends_at:
        messages.warning(request, "You can start a session from an hour before it until its end.")
        return redirect("enrollment:desk")
    return redirect(session.joining_url)


@login_required
@never_cache
@require_safe
def group_roster(request: HttpRequest, slug: str) -> HttpResponse:
    cohort, now = led_cohort_or_404(request, slug), timezone.now()
    context = {"roster": roster.roster(cohort=cohort, now=now), "cohort": cohort, "now": now}
    context["history"] = history.history(cohort)
    context["waiting"] = waiting_desk.waiting_count(cohort)
    context["is_admin"] = member_of(request).role == Role.ADMIN
    return render(request, "enrollment/desk/roster.html", context)


@login_required
@never_cache
@require_safe
def roster_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """The roster for a spreadsheet."""
    cohort = led_cohort_or_404(request, slug)
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{cohort.slug}-attendance.csv"'},
    )
    response.write("\ufeff")  # without it Excel reads names as another encoding
    rows = roster.as_table(roster.roster(cohort=cohort, now=timezone.now()))
    csv.writer(response).writerows([harmless(cell) for cell in row] for row in rows)
    return response


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One session's attendance: prefilled from the door, corrected by hand, then closed."""
    session, now = led_session_or_404(request, slug, number), timezone.now()
    lines = roster.register_lines(session=session, now=now)
    forms = [note_form(request, session, line, now) for line in lines]
    here = redirect("enrollment:register", slug, number)
    if request.method == "POST" and all(form.is_valid() for form in forms):
        if save_register(request, session, list(zip(lines, forms, strict=True)), now):
            messages.success(request, "The attendance is saved.")
        return here
    context = {
        "session": session,
        "cohort": session.cohort,
        "lines": list(zip(lines, forms, strict=True)),
        "visitors": roster.visitors(sessions=[session]).get(session.pk, []),
        "errors": any(form.errors for form in forms),
        "stage": desks.stage(session, now),
        "leads_group": roster.cohorts_of(member_of(request)).filter(pk=session.cohort_id).exists(),
        "leads_session": leading.leads(member_of(request), session),
        "closed": getattr(session, "register", None),
        "now": now,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "enrollment/desk/register.html", context, status=status)


def note_form(
    request: HttpRequest, session: GroupSession, line: roster.Line, now: dt.datetime
) -> NoteForm:
    initial = {
        "mark": line.mark,
        "late_minutes": line.late_minutes,
        "seen": line.note.noted_at.isoformat() if line.note else "",
    }
    data: Any = request.POST if request.method == "POST" else None
    return NoteForm(
        data,
        prefix=str(line.enrollment.public_id),
        initial=initial,
        early=now < session.starts_at,
        settled=hasattr(session, "register"),
    )


def save_register(
    request: HttpRequest,
    session: GroupSession,
    filled: list[tuple[roster.Line, NoteForm]],
    now: dt.datetime,
) -> bool:
    """Note what is new or different, take back what is not noted any more, and close the
    register if that was asked for."""
    noted = []
    for line, form in filled:
        said = form.cleaned_data
        unchanged = line.note and (said["mark"], said["late_minutes"]) == (
            line.note.mark,
            line.note.late_minutes,
        )
        # A line on which no note was seen and none is made asks for nothing.
        wanted = said["mark"] or (line.note and said["seen"])
        if wanted and not unchanged:
            mark = Mark(said["mark"]) if said["mark"] else None
            noted.append(Noted(line.enrollment.pk, mark, said["late_minutes"], said["seen"]))
    leader = member_of(request)
    try:
        attendance.note(session=session, noted=noted, actor=leader, now=now)
        if "close" in request.POST:
            attendance.close_register(session=session, actor=leader, now=now)
    except (ChangedMeanwhile, Enrollment.DoesNotExist):
        messages.warning(request, CHANGED)
        return False
    except Closed:
        messages.warning(request, CLOSED)
        return False
    except TooEarly as error:
        messages.warning(request, str(error))
        return False
    return True
