"""What every view here asks of a request."""

import uuid

from django.http import Http404, HttpRequest
from django.utils import timezone

from enrollment.models import Enrollment
from enrollment.views.asking import member_of
from practice.own import OwnPractice, own_practice


def own_practice_or_404(request: HttpRequest, public_id: uuid.UUID) -> OwnPractice:
    try:
        return own_practice(member=member_of(request), public_id=public_id, now=timezone.now())
    except Enrollment.DoesNotExist:
        raise Http404 from None
