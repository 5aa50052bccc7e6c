"""A member's own pages about sharing: with whom, what exactly, who opened it, and ending it."""

import uuid

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from enrollment.views.asking import fresh, member_of, posted
from outbox.tasks import kick
from practice import consent, for_leaders, proposals, sharing, view_log
from practice.care_forms import LeaderForm, ShareForm, SignForm
from practice.goals import Aim
from practice.leader_sees import chosen, leader_sees
from practice.models import Goal, Part, Share
from practice.own import OwnPractice
from practice.sharing import Names, Refused, Signature
from practice.stored import rows_of
from practice.views.asking import own_practice_or_404

ON_A_PAGE = 50
TOO_OFTEN = (
    "You signed several times just now. To keep your mailbox and others\u2019 quiet, please wait a "
    "quarter of an hour."
)
SIGNED = (
    "You have signed. They get an email with a link; it says neither your name nor what you share."
)
CHANGED = "You have signed. The earlier choice has ended."
ENDED = "This has ended, from this moment on: they can open nothing of it any more."
WAS_OVER = "This was over already."
forms_here = require_http_methods(["GET", "HEAD", "POST"])


def base(practice: OwnPractice) -> dict[str, object]:
    return {
        "practice": practice,
        "enrollment": practice.enrollment,
        "cohort": practice.enrollment.cohort,
        "zone": practice.zone.key,
        "now": practice.now,
    }


def own_share_or_404(practice: OwnPractice, share: uuid.UUID) -> Share:
    try:
        # Unread, so that also what no key opens can be ended.
        found = practice.enrollment.shares.defer("content").get(public_id=share)
    except Share.DoesNotExist:
        raise Http404 from None
    found.enrollment = practice.enrollment
    return found


def shown(share: Share, practice: OwnPractice) -> dict[str, object]:
    """One consent in words."""
    return {
        "share": share,
        "names": Names.of(share),
        "role": share.get_role_display(),
        "parts": consent.part_words(share.parts, share.terms_version),
        "until": sharing.last_day(share, practice.zone),
        "stands": share.stands(practice.now),
    }


@login_required
@fresh
@require_safe
def overview(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Who sees what until when, what they suggested, and who opened what."""
    practice = own_practice_or_404(request, public_id)
    enrollment = practice.enrollment
    shares = rows_of(enrollment.shares.order_by("-signed_at", "-pk"))
    by_id = {str(share.public_id): share for share in shares}
    looks = Paginator(view_log.entries(enrollment=enrollment, shares=by_id), ON_A_PAGE)
    page = looks.get_page(request.GET.get("page"))
    cards = [shown(share, practice) for share in shares]
    context = {
        **base(practice),
        "standing": [card for card in cards if card["stands"]],
        "over": [card for card in cards if not card["stands"]],
        "most": sharing.MOST_STANDING,
        "suggestions": proposals.to_member(enrollment=enrollment, now=practice.now),
        "leader_parts": leader_sees(practice),
        "page": page,
        "looks": [view_log.look(one, by_id, practice.now, practice.zone.key) for one in page],
    }
    return render(request, "practice/sharing.html", context)


@login_required
@fresh
@forms_here
def new(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    return choose_and_sign(request, own_practice_or_404(request, public_id), None)


@login_required
@fresh
@forms_here
def change(request: HttpRequest, public_id: uuid.UUID, share: uuid.UUID) -> HttpResponse:
    """Another choice for the same person: a new signature, which ends the old one."""
    practice = own_practice_or_404(request, public_id)
    found = own_share_or_404(practice, share)
    if not found.stands(practice.now) and not signed_just_now(request, practice):
        raise Http404
    return choose_and_sign(request, practice, found)


def signed_just_now(request: HttpRequest, practice: OwnPractice) -> bool:
    """A second press of the signature that ended this one: it is answered like the first."""
    form = SignForm(posted(request))
    if not form.is_bound or not form.is_valid():
        return False
    return practice.enrollment.shares.filter(public_id=form.cleaned_data["key"]).exists()


def choose_and_sign(request: HttpRequest, practice: OwnPractice, old: Share | None) -> HttpResponse:
    """First the choice; then, below what it means in words, the signature."""
    form = ShareForm(
        posted(request),
        initial=choice_now(practice, old),
        today=practice.today,
        known=old is not None,
    )
    context = {**base(practice), "form": form, "old": shown(old, practice) if old else None}
    if not form.is_bound or "back" in request.POST or not chosen_well(form, practice):
        status = 422 if form.is_bound and "back" not in request.POST else 200
        return render(request, "practice/share_form.html", context, status=status)
    signing = "sign" in request.POST
    fields = {"key": uuid.uuid4(), "terms": consent.CURRENT.version}
    sign_form = SignForm(request.POST if signing else None, initial=fields)
    refused = ""
    if signing and sign_form.is_valid():
        refused = sign(request, practice, old, form, sign_form)
        if not refused:
            messages.success(request, CHANGED if old else SIGNED)
            return redirect("practice:sharing", practice.enrollment.public_id)
        sign_form = SignForm(initial={**sign_form.cleaned_data, **fields})
    context |= {
        "sign_form": sign_form,
        "refused": refused,
        "choice": form.choice(),
        "email": form.choice().email or (Names.load(old.content).email if old else ""),
        "consent": consent.CURRENT,
        "parts": consent.part_words(form.cleaned_data["parts"]),
        "hidden": consent.hidden_parts(form.cleaned_data["parts"]),
    }
    return render(request, "practice/share_preview.html", context, status=422 if signing else 200)


def chosen_well(form: ShareForm, practice: OwnPractice) -> bool:
    """Said beside the address, before it comes to signing, which asks for itself."""
    if form.is_valid() and "email" in form.cleaned_data and "sign" not in form.data:
        email, enrollment = form.cleaned_data["email"], practice.enrollment
        if refused := sharing.refusal(enrollment=enrollment, email=email, now=practice.now):
            form.add_error("email", refused)
    return form.is_valid()


def choice_now(practice: OwnPractice, old: Share | None) -> dict[str, object]:
    if old is None:
        return {"until": sharing.usual_day(practice)}
    until = max(sharing.last_day(old, practice.zone), practice.today)
    name = Names.load(old.content).name
    return {"name": name, "role": old.role, "parts": old.parts, "until": until}


def sign(
    request: HttpRequest,
    practice: OwnPractice,
    old: Share | None,
    form: ShareForm,
    sign_form: SignForm,
) -> str:
    """Sign, and send what is owed; or why nothing was signed."""
    if not ratelimit.consume(request, action="sign_consent", key=str(member_of(request).pk)):
        return TOO_OFTEN
    said = sign_form.cleaned_data
    signature = Signature(
        key=said["key"],
        name=said["signature"],
        terms_version=said["terms"],
        ip=get_adapter().get_client_ip(request),
    )
    now = timezone.now()
    try:
        if old is None:
            sharing.sign(
                enrollment=practice.enrollment, choice=form.choice(), signature=signature, now=now
            )
        else:
            sharing.change(share=old, choice=form.choice(), signature=signature, now=now)
    except Share.DoesNotExist:
        raise Http404 from None
    except Refused as refused:
        return str(refused)
    kick()
    return ""


@login_required
@fresh
@forms_here
def one(request: HttpRequest, public_id: uuid.UUID, share: uuid.UUID) -> HttpResponse:
    """What one person sees, in the words that were signed. A press ends it at once."""
    practice = own_practice_or_404(request, public_id)
    found = own_share_or_404(practice, share)
    if request.method == "POST":
        ip = get_adapter().get_client_ip(request)
        if sharing.withdraw(share=found, now=timezone.now(), ip=ip):
            messages.success(request, ENDED)
        else:
            messages.info(request, WAS_OVER)
        return redirect("practice:share", public_id, share)
    words = consent.signed(found.terms_version)
    context = {
        **base(practice),
        **shown(found, practice),
        "consent": words,
        "hidden": consent.hidden_parts(found.parts, found.terms_version),
    }
    return render(request, "practice/share.html", context)


@login_required
@fresh
@forms_here
def leader(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What whoever leads the group sees before a session."""
    practice = own_practice_or_404(request, public_id)
    form = LeaderForm(posted(request), initial={"parts": list(chosen(practice))})
    if form.is_bound and form.is_valid():
        for_leaders.choose(
            enrollment=practice.enrollment, parts=form.cleaned_data["parts"], now=timezone.now()
        )
        messages.success(request, "Saved. It counts from now on.")
        return redirect("practice:sharing", public_id)
    status = 422 if form.is_bound else 200
    return render(
        request, "practice/share_leader.html", {**base(practice), "form": form}, status=status
    )


@login_required
@fresh
@forms_here
def goals(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """With whom I work on which goal: those who see the goals can be chosen."""
    practice = own_practice_or_404(request, public_id)
    enrollment = practice.enrollment
    aims = list(Goal.objects.filter(enrollment=enrollment, ended_at=None).order_by("slot"))
    people = {
        str(share.public_id): share
        for share in enrollment.shares.standing(practice.now)
        if Part.GOALS in share.parts
    }
    if request.method == "POST":
        wanted = {
            # A goal that the page did not show, in the place of one that ended, stays as it is.
            goal.public_id: people.get(request.POST[name])
            for goal in aims
            if (name := f"goal-{goal.public_id}") in request.POST
        }
        sharing.work_on(enrollment=enrollment, chosen=wanted)
        messages.success(request, "Saved.")
        return redirect("practice:sharing", public_id)
    context = {
        **base(practice),
        "goals": [{"goal": goal, "title": Aim.load(goal.content).title} for goal in aims],
        "people": [
            {"share": share, "name": Names.load(share.content).name} for share in people.values()
        ],
    }
    return render(request, "practice/share_goals.html", context)
