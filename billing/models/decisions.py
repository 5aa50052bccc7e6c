"""What a person decided about somebody's money and seat, and what they saw when they did."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from billing.policy import Line
from enrollment.models import Enrollment


class RefundDecision(models.Model):
    """So much goes back, the seat is kept or freed, by these steps of computation.

    The refunds that carry it out point here. Money and seat are two choices: one of them may
    be nothing. Written once, with what was on the page; only its status moves on.
    """

    class Basis(models.TextChoices):
        """As in `policy.Basis`, in the words of the desk."""

        POLICY = "policy", "By the policy, for sessions not held"
        ATTENDED = "attended", "For sessions that they did not come to"
        CANCELLED = "cancelled", "For sessions that we cancelled"
        FULL = "full", "Everything that is left"
        AMOUNT = "amount", "Another amount"
        # Not offered at the desk: what is left over when a member moves to another group.
        MOVE = "move", "Left over from a move to another group"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waits for a second person"
        DONE = "done", "Carried out"
        DECLINED = "declined", "Declined"

    # Made with the rehearsal, so that pressing twice decides once.
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="refund_decisions")
    basis = models.CharField(max_length=10, choices=Basis.choices)
    amount_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    frees_seat = models.BooleanField()
    policy_version = models.CharField(max_length=16)
    # The steps that were shown: [["Paid", 29900], ["3 of 12 sessions were held", -7475]]
    computed = models.JSONField(default=list)
    reason = models.CharField(max_length=200, blank=True, help_text="For staff; never mailed.")
    status = models.CharField(max_length=8, choices=Status.choices)
    needs_second = models.BooleanField(help_text="Whether another person has to agree.")
    by_member = models.BooleanField(
        default=False, help_text="Asked and decided by the member, by the policy."
    )
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-made_at", "-pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0) | Q(frees_seat=True),
                name="a_decision_decides_something",
            ),
            models.CheckConstraint(
                condition=Q(status="waiting", needs_second=True, decided_by=None, decided_at=None)
                | Q(
                    status__in=["done", "declined"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
                name="a_decision_is_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status="done", needs_second=True, decided_by=F("made_by")),
                name="a_second_person_is_another_person",
            ),
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(status="waiting"),
                name="one_decision_waits_per_enrollment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["made_at"], condition=Q(status="waiting"), name="billing_decisions_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"Decision {self.uuid}"

    def get_absolute_url(self) -> str:
        return reverse("billing:decision", args=[self.uuid])

    @property
    def lines(self) -> list[Line]:
        return [Line(label, cents) for label, cents in self.computed]
