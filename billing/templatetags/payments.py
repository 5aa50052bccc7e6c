"""`{% payment_lines enrollment as lines %}`: a page below billing shows money without an import."""

from django import template
from django.utils import timezone

from billing import standing
from billing.models import Instalment
from enrollment.models import Enrollment

register = template.Library()


@register.simple_tag
def payment_lines(enrollment: Enrollment) -> list[standing.PaymentLine]:
    return standing.payment_lines(enrollment, timezone.now())


@register.simple_tag
def paid_in_parts(enrollment: Enrollment) -> bool:
    return Instalment.objects.filter(enrollment=enrollment).exists()
