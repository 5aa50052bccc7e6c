"""Payments that a cardholder's bank takes back, or asks about."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from billing.models.payments import Payment


class Dispute(models.Model):
    """One dispute as Stripe tells it, and what a person decided about the seat.

    What the bank took and gave back stands in the ledger, not here.
    """

    class Status(models.TextChoices):
        ASKED = "warning_needs_response", "The bank asks"
        ASKED_ANSWERED = "warning_under_review", "The bank reads the answer"
        ASKED_CLOSED = "warning_closed", "The bank's question is closed"
        OPEN = "needs_response", "Open, an answer is due"
        ANSWERED = "under_review", "The bank decides"
        WON = "won", "Won"
        LOST = "lost", "Lost"
        PREVENTED = "prevented", "Prevented"

    class Seat(models.TextChoices):
        KEEP = "keep", "Keep the seat"
        PAUSE = "pause", "Pause the seat"
        END = "end", "End the seat"

    stripe_dispute_id = models.CharField(max_length=120, unique=True)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="disputes")
    amount_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=60)
    status = models.CharField(max_length=30, choices=Status.choices)
    evidence_due_by = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(help_text="When Stripe was asked last.")

    seat_decision = models.CharField(max_length=5, choices=Seat.choices, blank=True)
    seat_decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    seat_decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True, help_text="Why it was decided so.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    seat_decision="", seat_decided_by__isnull=True, seat_decided_at__isnull=True
                )
                | (
                    ~Q(seat_decision="")
                    & Q(seat_decided_by__isnull=False, seat_decided_at__isnull=False)
                ),
                name="a_decision_about_a_seat_has_somebody",
            )
        ]
        indexes = [
            models.Index(
                fields=["asked_at"], condition=Q(closed_at=None), name="billing_open_disputes"
            ),
            models.Index(fields=["-opened_at", "-id"], name="billing_disputes_by_time"),
            # What may want a person: few, however many disputes there ever were.
            models.Index(
                fields=["opened_at"],
                condition=Q(seat_decision__in=("", "pause")),
                name="billing_seats_to_decide",
            ),
        ]

    def __str__(self) -> str:
        return f"Dispute {self.stripe_dispute_id}"

    def get_absolute_url(self) -> str:
        return reverse("billing:dispute", args=[self.stripe_dispute_id])
