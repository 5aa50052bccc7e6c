"""Every event that Stripe sent."""

from django.db import models
from django.db.models import Q


class StripeEvent(models.Model):
    """A webhook, stored before anything is done about it."""

    class Status(models.TextChoices):
        STORED = "stored", "Stored"
        APPLIED = "applied", "Applied"
        IGNORED = "ignored", "Not for us"

    event_id = models.CharField(max_length=120, unique=True)
    type = models.CharField(max_length=80)
    payload = models.JSONField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.STORED)
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["received_at"], condition=Q(status="stored"), name="billing_stored_events"
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
