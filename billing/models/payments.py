"""Attempts to pay, what was paid, and what goes back. Integer cents; rows are never deleted."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from enrollment.models import Enrollment


class CheckoutAttempt(models.Model):
    """One visit to Stripe's payment page, committed before Stripe hears of it.

    The uuid is the idempotency key, and the parameters are frozen with it: asking again
    with the same key and other parameters would be refused.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        PAID = "paid", "Paid"
        EXPIRED = "expired", "Expired"
        FAILED = "failed", "Not created"
        REVIEW = "review", "Needs a person"
        RETURNED = "returned", "Money given back after a check"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="attempts")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    amount_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    params = models.JSONField()
    stripe_session_id = models.CharField(max_length=120, unique=True, null=True, blank=True)
    checkout_url = models.TextField(blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="When Stripe closes its page.")
    # Pages that wait for the truth ask Stripe every few seconds, however many they are.
    asked_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True, help_text="Why it failed or waits.")
    # Paying in three parts (see `billing.parts`). What the first part's page promised:
    calendar = models.JSONField(null=True, blank=True, help_text="The three amounts and dates.")
    # A later part that its member pays on a page.
    instalment = models.ForeignKey(
        "billing.Instalment", models.PROTECT, null=True, blank=True, related_name="attempts"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(status="open"),
                name="one_open_checkout_per_enrollment",
            )
        ]
        indexes = [
            models.Index(
                fields=["created_at"], condition=Q(status="open"), name="billing_open_attempts"
            ),
            models.Index(
                fields=["created_at"], condition=Q(status="review"), name="billing_to_review"
            ),
            # Comparing a day with Stripe's books asks for the rows of that day, and somebody at the
            # desk for an id in any case.
            models.Index(fields=["created_at"], name="billing_attempts_by_time"),
            models.Index(Upper("stripe_session_id"), name="billing_attempts_by_id"),
        ]

    def __str__(self) -> str:
        return f"Checkout {self.uuid}"

    @property
    def in_parts(self) -> bool:
        """Whether this is the first of three parts, and the card is kept for the others."""
        return self.calendar is not None


class Payment(models.Model):
    """Money that arrived. `refund_reserved_cents` is what is on its way back or is back."""

    attempt = models.OneToOneField(
        CheckoutAttempt,
        models.PROTECT,
        null=True,
        related_name="payment",
        help_text="The page it was paid on; none for a card charged while nobody was there.",
    )
    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="payments")
    amount_cents = models.PositiveIntegerField()
    refund_reserved_cents = models.PositiveIntegerField(default=0)
    currency = models.CharField(max_length=3)
    stripe_payment_intent_id = models.CharField(max_length=120, unique=True, null=True, blank=True)
    paid_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(refund_reserved_cents__gte=0)
                & Q(refund_reserved_cents__lte=F("amount_cents")),
                name="refunds_never_exceed_the_payment",
            )
        ]
        indexes = [
            models.Index(fields=["paid_at"], name="billing_payments_by_time"),
            models.Index(Upper("stripe_payment_intent_id"), name="billing_payments_by_id"),
        ]

    def __str__(self) -> str:
        return f"Payment {self.pk}"


class Refund(models.Model):
    """Money on its way back. The uuid is the idempotency key of the request to Stripe."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "Requested"
        SUBMITTED = "submitted", "Sent to Stripe"
        PENDING = "pending", "On its way"
        SUCCEEDED = "succeeded", "Returned"
        FAILED = "failed", "Failed"

    class Reason(models.TextChoices):
        LATE = "late", "Paid after the seat was gone"
        TWICE = "twice", "Paid twice"
        DESK = "desk", "Decided by staff"
        OUTSIDE = "outside", "Made in Stripe's dashboard"
        POLICY = "policy", "By the refund policy"
        MOVE = "move", "Left over from a move to another group"
        NO_MOVE = "no_move", "The move to another group was not possible"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds")
    # Whose money it is: another enrolment's than the payment's after a transfer.
    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="refunds")
    amount_cents = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.REQUESTED)
    reason = models.CharField(max_length=8, choices=Reason.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    stripe_refund_id = models.CharField(max_length=120, unique=True, null=True, blank=True)
    requested_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    # Stripe replays a 500 for as long as it knows the key; a new one is used only after its
    # books show that the first had no effect.
    key_generation = models.PositiveSmallIntegerField(default=1)
    note = models.CharField(max_length=300, blank=True)
    decision = models.ForeignKey(
        "billing.RefundDecision", models.PROTECT, null=True, related_name="refunds"
    )
    # What became of one that failed: asked for anew, or settled without Stripe. Unique, so two
    # people who try again at once make one.
    retry_of = models.OneToOneField("self", models.PROTECT, null=True, related_name="retry")
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True)
    resolved_how = models.CharField(max_length=200, blank=True)
    # A refund made outside stands in the desk's queue until somebody has seen it.
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="refund_is_positive"),
            models.CheckConstraint(
                condition=Q(resolved_by=None, resolved_at=None, resolved_how="")
                | Q(status="failed", resolved_by__isnull=False, resolved_at__isnull=False),
                name="a_settled_refund_has_failed",
            ),
            models.CheckConstraint(
                condition=Q(seen_by=None, seen_at=None)
                | Q(seen_by__isnull=False, seen_at__isnull=False),
                name="who_saw_a_refund_did_so_at_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["requested_at"],
                condition=Q(status__in=["requested", "submitted", "pending"]),
                name="billing_unsettled_refunds",
            ),
            # What the desk's queue asks for: few, however many refunds there ever were.
            models.Index(
                fields=["requested_at"],
                condition=Q(status="failed") | Q(reason="outside", seen_at=None),
                name="billing_refunds_to_look_at",
            ),
            models.Index(fields=["submitted_at"], name="billing_refunds_by_time"),
            models.Index(Upper("stripe_refund_id"), name="billing_refunds_by_id"),
        ]

    def __str__(self) -> str:
        return f"Refund {self.uuid}"

    @property
    def idempotency_key(self) -> str:
        return f"{self.uuid}:{self.key_generation}"
