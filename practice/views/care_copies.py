"""A practitioner takes along what is shared with them: each copy is written down first."""

import datetime as dt
from collections.abc import Callable

from allauth.account.adapter import get_adapter
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from enrollment.views.asking import member_of
from practice import fhir, shared
from practice.models import Share
from practice.shared_paper import draw_shared
from practice.views.gate import reads_shared


@reads_shared
@require_safe
def plan_fhir(request: HttpRequest, share: Share) -> HttpResponse:
    """In the format that clinics' systems read."""

    def made(held: Share, now: dt.datetime) -> str:
        return fhir.bundle_for(share=held, now=now)

    return copy(request, share, made, content_type=fhir.CONTENT_TYPE, name="plan.fhir.json")


@reads_shared
@require_safe
def summary(request: HttpRequest, share: Share) -> HttpResponse:
    """To print."""

    def made(held: Share, now: dt.datetime) -> bytes:
        return draw_shared(share=held, now=now)

    return copy(request, share, made, content_type="application/pdf", name="summary.pdf")


def copy(
    request: HttpRequest,
    share: Share,
    made: Callable[[Share, dt.datetime], str | bytes],
    *,
    content_type: str,
    name: str,
) -> HttpResponse:
    """Made while the consent is held; 404 for one that ended a moment ago."""
    now = timezone.now()
    who = member_of(request)
    ip = get_adapter().get_client_ip(request)
    try:
        with shared.taken(public_id=share.public_id, reader=who, now=now, ip=ip) as held:
            content = made(held, now)
    except (Share.DoesNotExist, fhir.NotShared):
        raise Http404 from None
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
