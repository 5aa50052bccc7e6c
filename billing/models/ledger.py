"""The ledger: one line for each cent that came, went, or moved between enrolments."""

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from enrollment.models import Enrollment


class Unchangeable(TypeError):
    """The ledger is only ever added to; changing it is an error in the program."""


class LedgerEntries(models.QuerySet["LedgerEntry"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise Unchangeable

    def delete(self) -> NoReturn:
        raise Unchangeable


class LedgerEntry(models.Model):
    """One line, in cents: money that came is positive, money that went is negative.

    `ledger.post` writes it. Nobody changes or removes one: the model and the database refuse
    (see the migration `ledger`). What was wrong is put right by another line.
    """

    class Kind(models.TextChoices):
        CHARGE = "charge", "Paid"
        REFUND = "refund", "Refunded"
        REFUND_FAILED = "refund_failed", "Refund came back"
        DISPUTE = "dispute", "Taken back by the bank"
        DISPUTE_WON = "dispute_won", "Given back by the bank"
        FEE = "fee", "Fee of the processor"
        CREDIT = "credit", "Credit moved"
        ADJUSTMENT = "adjustment", "Adjusted"

    # What Stripe holds or held: its books have the same lines.
    CASH: ClassVar[tuple[str, ...]] = (
        Kind.CHARGE,
        Kind.REFUND,
        Kind.REFUND_FAILED,
        Kind.DISPUTE,
        Kind.DISPUTE_WON,
    )

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="ledger")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    amount_cents = models.IntegerField()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    stripe_id = models.CharField(max_length=120, blank=True, help_text="The object at Stripe.")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    # What happened once is posted once, however often somebody hears of it.
    key = models.CharField(max_length=120, unique=True)

    objects: ClassVar[models.Manager["LedgerEntry"]] = LedgerEntries.as_manager()

    class Meta:
        ordering = ("at", "pk")
        verbose_name_plural = "ledger entries"
        constraints = [
            models.CheckConstraint(condition=~Q(amount_cents=0), name="a_line_moves_something"),
            models.CheckConstraint(
                condition=Q(kind__in=["charge", "refund_failed", "dispute_won"], amount_cents__gt=0)
                | Q(kind__in=["refund", "dispute", "fee"], amount_cents__lt=0)
                | Q(kind__in=["credit", "adjustment"]),
                name="a_line_has_the_sign_of_its_kind",
            ),
        ]
        indexes = [
            models.Index(fields=["at"], name="billing_ledger_by_time"),
            # What somebody at the desk has at hand.
            models.Index(Upper("stripe_id"), name="billing_ledger_by_id"),
            models.Index(fields=["amount_cents"], name="billing_ledger_by_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount_cents}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Unchangeable
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Unchangeable
