"""What every view here asks of a request."""

import uuid

from django.http import Http404, HttpRequest
from django.utils import timezone

from enrollment.models import Enrollment
from enrollment.views.asking import member_of
from practice.own import OwnPractice, own_practice

CHANGED = (
    "You saved something else on another page meanwhile, so nothing was changed by this one. "
    "What you wrote is still here, and beside it what is saved now. Save again to keep this."
)
# A revision that nothing has.
NOTHING_SEEN = -1


def own_practice_or_404(request: HttpRequest, public_id: uuid.UUID) -> OwnPractice:
    try:
        return own_practice(member=member_of(request), public_id=public_id, now=timezone.now())
    except Enrollment.DoesNotExist:
        raise Http404 from None


def seen_in(request: HttpRequest, name: str = "seen") -> int:
    """The revision that the page showed. A page that does not say has seen nothing."""
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else NOTHING_SEEN
