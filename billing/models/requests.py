"""What a member asks a person for."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from billing.models.decisions import RefundDecision
from enrollment.models import Enrollment


class MemberRequest(models.Model):
    """A wish that no rule decides, and the answer to it. One at a time is open for a seat."""

    LONGEST = 500

    class Wish(models.TextChoices):
        REFUND = "refund", "More back than the refund policy gives"
        PAYMENT = "payment", "Help with a payment"
        GROUP = "group", "Another group"
        OTHER = "other", "Something else"

    # Made with the form, so that pressing twice asks once.
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="requests")
    asked_at = models.DateTimeField()
    wish = models.CharField(max_length=7, choices=Wish.choices)
    words = models.CharField(max_length=LONGEST, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    answer = models.TextField(max_length=LONGEST, blank=True, help_text="Mailed to the member.")
    decision = models.ForeignKey(RefundDecision, models.PROTECT, null=True, related_name="requests")

    class Meta:
        ordering = ("-asked_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(decided_at=None),
                name="one_open_request_per_enrollment",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, decided_by=None, answer="", decision=None)
                | (Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(answer="")),
                name="a_decided_request_has_an_answer",
            ),
        ]
        indexes = [
            models.Index(
                fields=["asked_at"], condition=Q(decided_at=None), name="billing_open_requests"
            )
        ]

    def __str__(self) -> str:
        return f"Request {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("billing:request", args=[self.pk])
