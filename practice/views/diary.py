"""The diary: all its days, and one of them."""

import datetime as dt
import re
import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh, trigger_client_event

from enrollment.views.asking import form_status, fresh
from practice import diary, diary_days
from practice.diary import Card
from practice.diary_form import CardForm
from practice.models import DiaryEntry
from practice.own import OwnPractice
from practice.views.asking import own_practice_or_404

BLANK_AGAIN = "This day is blank again. That is fine: nobody counts the days."
CHANGED = "This day was changed meanwhile. Here is what stands now."
TAKEN_AWAY = (
    "This day was made blank or erased elsewhere, so this was not saved. What you wrote is still "
    "on this page: press \u201cSave\u201d to note it anew."
)
# What a page knows that has said so.
BLANK_BY_NOW = "blank"
# Of a page's random word; nobody's own page sends a longer one.
LONGEST_WORD = 64
# Milliseconds by the page's own clock.
SENT = re.compile("[0-9]{1,15}")


@login_required
@fresh
@require_safe
def days(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Today's card, and the days until now."""
    practice = own_practice_or_404(request, public_id)
    entries = diary.entries_of(enrollment=practice.enrollment)
    context: dict[str, Any] = {
        "weeks": diary_days.listed(practice, entries),
        "last_day": practice.weeks[-1].last_day if practice.weeks else None,
        **_around(request, practice),
    }
    if practice.may_note(practice.today):
        context |= _card_context(practice, practice.today, entries.get(practice.today))
    return render(request, "practice/diary.html", context)


def day(request: HttpRequest, public_id: uuid.UUID, date: dt.date) -> HttpResponse:
    """GET shows a day, POST saves it; htmx is answered with what the page has to know of that."""
    if _by_itself(request) and not request.user.is_authenticated:
        # To be led to signing in would take what was typed along.
        return render(request, "practice/_diary_signed_out.html", status=401)
    response: HttpResponse = _own_day(request, public_id, date)
    return response


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def _own_day(request: HttpRequest, public_id: uuid.UUID, date: dt.date) -> HttpResponse:
    practice = own_practice_or_404(request, public_id)
    entry = diary.entry_of(enrollment=practice.enrollment, day=date)
    # A day may be in no week any more, as after a move to another zone: what was noted stays.
    if entry is None and not practice.may_note(date):
        raise Http404
    if request.method != "POST":
        context = _card_context(practice, date, entry)
        return render(request, "practice/diary_day.html", {**context, **_around(request, practice)})
    if "bring_back" in request.POST or "leave" in request.POST:
        return _decide(request, practice, date)
    return _save(request, practice, date, entry)


def _save(
    request: HttpRequest, practice: OwnPractice, date: dt.date, entry: DiaryEntry | None
) -> HttpResponse:
    posted = request.POST.copy()
    if "planned" in posted and not posted.get("activity", "").strip():
        posted["activity"] = _planned(practice, date)
    form = CardForm(posted, skills=_skills(practice, date, entry))
    if not form.is_valid():
        return _refused(request, practice, date, form, posted.get("revision", ""))
    if form.card().is_blank and _by_itself(request) and "save" not in request.POST:
        # Somebody who empties a field to write it anew has not emptied the day.
        return render(request, "practice/_diary_empty.html", {"entry": entry})
    return _store(request, practice, date, form)


def _refused(
    request: HttpRequest, practice: OwnPractice, date: dt.date, form: CardForm, revision: str
) -> HttpResponse:
    """What is wrong, with all that was typed; `revision` is what the page knows from now on."""
    if _by_itself(request):
        context = {"form": form, "revision": revision}
        return render(request, "practice/_diary_refused.html", context, status=422)
    entry = diary.entry_of(enrollment=practice.enrollment, day=date)
    context = _card_context(practice, date, entry) | {
        "form": form,
        "revision": revision,
        "page": request.POST.get("page", ""),
    }
    context |= _around(request, practice)
    return render(request, "practice/diary_day.html", context, status=form_status(form))


def _store(
    request: HttpRequest, practice: OwnPractice, date: dt.date, form: CardForm
) -> HttpResponse:
    seen, page = request.POST.get("revision", ""), request.POST.get("page", "")
    sent = request.POST.get("sent", "")
    card, now = form.card(), timezone.now()
    try:
        entry = diary.save_card(
            enrollment=practice.enrollment,
            day=date,
            card=card,
            seen="" if seen == BLANK_BY_NOW and "save" in request.POST else seen,
            page=page if len(page) <= LONGEST_WORD else "",
            sent=int(sent) if SENT.fullmatch(sent) else 0,
            now=now,
        )
    except diary.TakenAway:
        form.add_error(None, TAKEN_AWAY)
        return _refused(request, practice, date, form, BLANK_BY_NOW)
    stands = entry is not None and Card.load(entry.content) != card
    if _by_itself(request) and stands and not card.is_blank:
        return HttpResponse(status=409)  # a later request of the same page was first
    if _by_itself(request) and stands:
        messages.warning(request, CHANGED)
        return HttpResponseClientRefresh()  # the page does not show what stands
    if _by_itself(request):
        return _answer(request, practice, entry)
    if entry is None:
        messages.info(request, BLANK_AGAIN)
    elif stands:
        messages.warning(request, CHANGED)
    else:
        messages.success(request, "Saved.")
    if entry is None and not practice.may_note(date):
        return redirect("practice:diary", practice.enrollment.public_id)
    return redirect("practice:diary_day", practice.enrollment.public_id, date)


def _answer(request: HttpRequest, practice: OwnPractice, entry: DiaryEntry | None) -> HttpResponse:
    """What htmx puts in place: a line for the live region, the version, what was replaced."""
    context = {
        "entry": entry,
        "blank_again": BLANK_AGAIN,
        "revision": diary.version_of(entry),
        "replaced": diary.replaced_in(entry),
        "day_url": request.path,
        "today": practice.today,
    }
    response = render(request, "practice/_diary_saved.html", context)
    return trigger_client_event(response, "draft:saved")


def _decide(request: HttpRequest, practice: OwnPractice, date: dt.date) -> HttpResponse:
    """What becomes of the other version of a day."""
    seen, enrollment = request.POST.get("revision", ""), practice.enrollment
    if "bring_back" in request.POST:
        done = diary.bring_back(enrollment=enrollment, day=date, seen=seen, now=timezone.now())
        words = "It is back. What stood here before is kept beside it."
    else:
        done = diary.leave_as_it_is(enrollment=enrollment, day=date, seen=seen)
        words = "It stays as it is."
    if done:
        messages.success(request, words)
    else:
        messages.warning(request, CHANGED)
    return redirect("practice:diary_day", enrollment.public_id, date)


def _by_itself(request: HttpRequest) -> bool:
    """Whether the page saves by itself, without being loaded anew."""
    return bool(request.htmx)  # type: ignore[attr-defined]  # set by django-htmx


def _skills(practice: OwnPractice, date: dt.date, entry: DiaryEntry | None) -> diary_days.Skills:
    noted = Card.load(entry.content).skills if entry else ()
    return diary_days.skills_of(practice, date, noted=noted)


def _around(request: HttpRequest, practice: OwnPractice) -> dict[str, Any]:
    # Drafts in the browser belong to one signing-in: a mark that tells nothing of its cookie.
    mark = salted_hmac("practice.draft", request.session.session_key or "", algorithm="sha256")
    return {
        "practice": practice,
        "enrollment": practice.enrollment,
        "cohort": practice.enrollment.cohort,
        "drafts_of": mark.hexdigest()[:32],
    }


def _planned(practice: OwnPractice, date: dt.date) -> str:
    week = practice.week_on(date)
    if week is None:
        return ""
    return diary.planned_activity(enrollment=practice.enrollment, week=week.number)


def _card_context(practice: OwnPractice, date: dt.date, entry: DiaryEntry | None) -> dict[str, Any]:
    card = Card.load(entry.content) if entry else Card()
    planned = _planned(practice, date)
    return {
        "day": date,
        "week": diary_days.week_of_day(practice, date, entry),
        "entry": entry,
        "form": CardForm(initial=card.dump(), skills=_skills(practice, date, entry)),
        "planned": "" if card.activity else planned,
        "revision": diary.version_of(entry),
        "page": uuid.uuid4().hex,
        "replaced": diary.replaced_in(entry),
        "today": practice.today,
        "is_today": date == practice.today,
        "before": date - dt.timedelta(days=1),
        "after": date + dt.timedelta(days=1),
        "has_before": practice.may_note(date - dt.timedelta(days=1)),
        "has_after": practice.may_note(date + dt.timedelta(days=1)),
    }
