"""Paying in three parts: the plan, its parts, and each try to charge the saved card."""

import uuid

from django.db import models
from django.db.models import Q

from billing.models.payments import Payment
from enrollment.models import Enrollment


class PaymentPlan(models.Model):
    """That an enrolment is paid in parts, and the card that later parts are charged to."""

    enrollment = models.OneToOneField(Enrollment, models.PROTECT, related_name="plan")
    stripe_customer_id = models.CharField(max_length=120)
    stripe_payment_method_id = models.CharField(max_length=120, blank=True)
    made_at = models.DateTimeField()
    overdue_since = models.DateTimeField(null=True, help_text="When a part first stayed unpaid.")
    # Nobody's links are paused without a day's notice, however late a sweep comes by.
    warned_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="When the parts that were left ended.")
    ended_why = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["overdue_since"],
                condition=Q(overdue_since__isnull=False, ended_at=None),
                name="billing_overdue_plans",
            )
        ]

    def __str__(self) -> str:
        return f"Plan of {self.enrollment_id}"


class Instalment(models.Model):
    """One of the three parts. Its uuid begins the idempotency key of each try."""

    class Status(models.TextChoices):
        DUE = "due", "Not paid yet"
        PAID = "paid", "Paid"
        CANCELLED = "cancelled", "Not asked for any more"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="instalments")
    number = models.PositiveSmallIntegerField()
    amount_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    due_at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.DUE)
    payment = models.OneToOneField(
        Payment, models.PROTECT, null=True, related_name="instalment", help_text="What paid it."
    )
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(
        null=True, help_text="When the saved card is charged; none while that is under way."
    )
    needs_member = models.BooleanField(
        default=False, help_text="The card is of no use any more: only the member can pay."
    )

    class Meta:
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "number"], name="one_part_per_number"),
            models.CheckConstraint(
                condition=Q(status="paid", payment__isnull=False)
                | (~Q(status="paid") & Q(payment=None)),
                name="a_paid_part_has_its_payment",
            ),
            models.CheckConstraint(
                condition=Q(status="due") | Q(next_try_at=None),
                name="only_an_open_part_is_charged",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"], condition=Q(status="due"), name="billing_parts_to_charge"
            ),
            # What is charged soon.
            models.Index(fields=["due_at"], condition=Q(status="due"), name="billing_parts_by_day"),
        ]

    def __str__(self) -> str:
        return f"Part {self.number} of {self.enrollment_id}"


class InstalmentTry(models.Model):
    """One charge of the saved card, committed before Stripe is asked, its parameters frozen."""

    class Status(models.TextChoices):
        OPEN = "open", "Asked for"
        SUCCEEDED = "succeeded", "Paid"
        DECLINED = "declined", "Declined"
        NEEDS_MEMBER = "needs_member", "The bank wants to hear from the member"
        DROPPED = "dropped", "Not asked for any more"

    instalment = models.ForeignKey(Instalment, models.PROTECT, related_name="charges")
    number = models.PositiveSmallIntegerField()
    params = models.JSONField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.OPEN)
    stripe_payment_intent_id = models.CharField(max_length=120, unique=True, null=True, blank=True)
    created_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    # As of a refund: a new key is used only after Stripe's books show that the first did nothing.
    key_generation = models.PositiveSmallIntegerField(default=1)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "instalment tries"
        constraints = [
            models.UniqueConstraint(
                fields=["instalment", "number"], name="one_try_per_part_and_number"
            ),
            models.UniqueConstraint(
                fields=["instalment"], condition=Q(status="open"), name="one_open_try_per_part"
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], condition=Q(status="open"), name="billing_open_tries"
            )
        ]

    def __str__(self) -> str:
        return f"Try {self.number} of {self.instalment_id}"

    @property
    def idempotency_key(self) -> str:
        key = f"inst:{self.instalment.uuid}:{self.number}"
        return key if self.key_generation == 1 else f"{key}:{self.key_generation}"
