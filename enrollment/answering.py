"""A member's answers between the browser and the database: stored, or kept as drafts."""

import datetime as dt

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from enrollment import drafts, services
from enrollment.forms import AgreementsForm, IntakeForm
from enrollment.intake import Answers
from enrollment.models import Intake

INTAKE = "intake"


def stored_answers(member: User) -> Answers | None:
    intake = Intake.objects.filter(member=member).first()
    return Answers.load(intake.answers) if intake else None


def stored_state(member: User) -> str:
    answers = stored_answers(member)
    return answers.state if answers else ""


def intake_form(request: HttpRequest, *, member: User, now: dt.datetime) -> IntakeForm:
    """The questions with what was typed last, else with the answers that are stored."""
    return IntakeForm(
        drafts.kept(request, INTAKE),
        initial=IntakeForm.initial_from(stored_answers(member)),
        today=timezone.localdate(now),
    )


def save_answers(request: HttpRequest, *, member: User, now: dt.datetime) -> bool:
    """Store what was sent, or keep it as a draft to be mended; says whether it is stored."""
    form = IntakeForm(request.POST, today=timezone.localdate(now))
    if not form.is_valid():
        drafts.keep(request, INTAKE, form)
        return False
    services.save_intake(member=member, answers=form.answers(), now=now)
    drafts.drop(request, INTAKE)
    return True


def agreements_form(request: HttpRequest, *, slug: str) -> AgreementsForm:
    """The boxes as they were left: with what is missing, if somebody tried to go on."""
    return AgreementsForm(
        drafts.kept(request, _mistakes(slug)), initial=drafts.kept(request, _ticks(slug))
    )


def agreed(request: HttpRequest, *, slug: str) -> bool:
    """Whether every box was ticked to go on. Ticks are kept for the way back, and for mending."""
    form = AgreementsForm(request.POST)
    on = "back" not in request.POST
    if on and form.is_valid():
        drafts.drop(request, _mistakes(slug))
        drafts.drop(request, _ticks(slug))
        return True
    drafts.keep(request, _ticks(slug), form)
    if on:
        drafts.keep(request, _mistakes(slug), form)
    else:
        drafts.drop(request, _mistakes(slug))
    return False


def _mistakes(slug: str) -> str:
    return f"mistakes:{slug}"


def _ticks(slug: str) -> str:
    return f"ticks:{slug}"
