"""Writing to a group: say it, look at the very mail, send it; then see what became of it."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from enrollment import group_messages, message_delivery, message_mails
from enrollment.message_forms import MessageForm
from enrollment.models import GroupMessage
from enrollment.roster import name_of
from enrollment.views.asking import form_status, fresh, member_of, posted
from enrollment.views.desk import led_cohort_or_404
from outbox.tasks import kick
from sessions.models import Cohort

GONE_OUT = "There was nothing left to cancel: the message has gone out, or was cancelled before."


def message_or_404(request: HttpRequest, slug: str, public_id: uuid.UUID) -> GroupMessage:
    """One message of a group that the reader leads, with the cohort that was just looked up."""
    cohort = led_cohort_or_404(request, slug)
    message = get_object_or_404(
        GroupMessage.objects.select_related("author"), cohort=cohort, public_id=public_id
    )
    message.cohort = cohort
    return message


@login_required
@never_cache
@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Every message to the group, with how far each has come."""
    cohort = led_cohort_or_404(request, slug)
    context = {"cohort": cohort, "rows": message_delivery.written_to(cohort)}
    return render(request, "enrollment/desk/messages.html", context)


@login_required
@never_cache
@require_safe
def message(request: HttpRequest, slug: str, public_id: uuid.UUID) -> HttpResponse:
    """One message, and what became of it for each person."""
    found = message_or_404(request, slug, public_id)
    context = {
        "cohort": found.cohort,
        "message": found,
        "deliveries": message_delivery.deliveries(found),
    }
    return render(request, "enrollment/desk/message.html", context)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest, slug: str) -> HttpResponse:
    """GET asks, POST shows the mail, POST with `confirm` sends it; `back` shows the form again."""
    cohort = led_cohort_or_404(request, slug)
    if "back" in request.POST:
        typed = {**request.POST.dict(), "chosen": request.POST.getlist("chosen")}
        return render_form(request, cohort, message_form(request, cohort, initial=typed))
    form = message_form(request, cohort, data=posted(request))
    if not form.is_bound or not form.is_valid():
        return render_form(request, cohort, form)
    if "confirm" in request.POST:
        try:
            return sent(request, cohort, form, uuid.UUID(request.POST["confirm"]))
        except (ValueError, GroupMessage.DoesNotExist):
            pass  # a press that no preview of this group's made: look first
    return preview(request, cohort, form)


def message_form(request: HttpRequest, cohort: Cohort, **how: Any) -> MessageForm:
    people = group_messages.people(cohort=cohort, author=member_of(request))
    return MessageForm(people=people, zone=cohort.zone, now=timezone.now(), **how)


def render_form(request: HttpRequest, cohort: Cohort, form: MessageForm) -> HttpResponse:
    context = {"cohort": cohort, "form": form}
    return render(request, "enrollment/desk/message_form.html", context, status=form_status(form))


def preview(request: HttpRequest, cohort: Cohort, form: MessageForm) -> HttpResponse:
    """The very mail as one of its readers gets it, who gets it, and when."""
    draft, now = form.draft(), timezone.now()
    to = form.people.standing if draft.to is None else draft.to
    reader = to[0] if to else None
    context = {
        "cohort": cohort,
        "form": form,
        "draft": draft,
        "to": [name_of(one) for one in to],
        "reader": name_of(reader) if reader else "",
        "mail": message_mails.sample(
            cohort=cohort, body=draft.body, reader=reader.member if reader else None, now=now
        ),
        # Of this preview alone: pressed twice, it sends once.
        "key": uuid.uuid4(),
    }
    return render(request, "enrollment/desk/message_preview.html", context)


def sent(request: HttpRequest, cohort: Cohort, form: MessageForm, key: uuid.UUID) -> HttpResponse:
    written = group_messages.write(
        key=key,
        cohort=cohort,
        author=member_of(request),
        draft=form.draft(),
        now=timezone.now(),
    )
    kick()
    if written.cancelled_at is None:  # a second press may come late
        words = "on its way" if written.promised_at else "scheduled"
        messages.success(request, f"The message is {words}.")
    return redirect("enrollment:message", cohort.slug, written.public_id)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, slug: str, public_id: uuid.UUID) -> HttpResponse:
    """GET asks whether, POST stops what has not gone out."""
    found = message_or_404(request, slug, public_id)
    here = redirect("enrollment:message", slug, public_id)
    if request.method == "POST":
        if group_messages.cancel(message=found, now=timezone.now()):
            messages.success(request, "The message is cancelled.")
        else:
            messages.warning(request, GONE_OUT)
        return here
    if not group_messages.can_be_cancelled(found):
        messages.warning(request, GONE_OUT)
        return here
    context = {"cohort": found.cohort, "message": found}
    return render(request, "enrollment/desk/message_cancel.html", context)
