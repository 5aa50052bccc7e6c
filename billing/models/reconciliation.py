"""Comparing our books with Stripe's: the runs, and what they found."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from enrollment.models import Enrollment


class Reconciliation(models.Model):
    """One comparison of a period, a day at a time; `cursor` says from where it goes on.

    Whoever works on it holds `lease` until `lease_until`; afterwards another may take it.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"

    starts_at = models.DateTimeField(help_text="Of the period.")
    ends_at = models.DateTimeField()
    cursor = models.DateTimeField(help_text="Everything before it is compared.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Nobody: it began by itself.",
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict, help_text="What was looked at.")
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running"), name="one_comparison_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["starts_at", "ends_at"],
                condition=Q(asked_by=None),
                name="one_comparison_by_itself_per_period",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lt=models.F("ends_at")), name="a_period_is_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"Comparison {self.pk}"

    @property
    def percent(self) -> int:
        """How much of the period is compared."""
        return round(100 * ((self.cursor - self.starts_at) / (self.ends_at - self.starts_at)))


class Difference(models.Model):
    """Something that our books and Stripe's say differently, once per object and kind.

    Nothing here changes a book: a person decides what is done (`billing.differences`).
    """

    class Kind(models.TextChoices):
        NOT_BOOKED = "not_booked", "At Stripe, not in our books"
        NOT_THERE = "not_there", "In our books, not at Stripe"
        AMOUNT = "amount", "Another amount"
        CURRENCY = "currency", "Another currency"
        STATE = "state", "Another state"
        MODE = "mode", "Test money among real money"
        LEDGER = "ledger", "The ledger holds another sum"

    class About(models.TextChoices):
        PAYMENT = "payment", "Payment"
        PAGE = "page", "Payment page"
        REFUND = "refund", "Refund"
        DISPUTE = "dispute", "Dispute"

    class How(models.TextChoices):
        GONE = "gone", "Both say the same now"
        IMPORTED = "imported", "Imported"
        BY_HAND = "by_hand", "Put right by hand"
        OTHERWISE = "otherwise", "Settled another way"

    key = models.CharField(max_length=160, unique=True)
    run = models.ForeignKey(
        Reconciliation, models.PROTECT, null=True, related_name="differences", help_text="The last."
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    about = models.CharField(max_length=8, choices=About.choices)
    stripe_id = models.CharField(max_length=120)
    enrollment = models.ForeignKey(Enrollment, models.PROTECT, null=True, related_name="+")
    # Stripe's; ours where it has none.
    currency = models.CharField(max_length=3)
    ours_currency = models.CharField(
        max_length=3, blank=True, db_default="", help_text="Of our cents; empty without them."
    )
    ours_cents = models.IntegerField(null=True)
    theirs_cents = models.IntegerField(null=True)
    ours = models.CharField(max_length=80, blank=True, help_text="What our books say, in words.")
    theirs = models.CharField(max_length=80, blank=True)
    in_vain_at = models.DateTimeField(
        null=True, help_text="When an import of exactly this came to nothing."
    )
    left_cents = models.IntegerField(
        null=True, help_text="What lines by hand have left of it; nothing while there are none."
    )
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    how = models.CharField(max_length=9, choices=How.choices, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(resolved_at=None, how="") | (Q(resolved_at__isnull=False) & ~Q(how="")),
                name="a_difference_is_resolved_somehow",
            )
        ]
        indexes = [
            models.Index(fields=["stripe_id"], name="billing_differences_of"),
            models.Index(
                fields=["first_seen_at"],
                condition=Q(resolved_at=None),
                name="billing_open_differences",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.stripe_id})"

    def get_absolute_url(self) -> str:
        return reverse("billing:difference", args=[self.pk])

    @property
    def title(self) -> str:
        kind = self.get_kind_display()
        return f"{self.get_about_display()}: {kind[0].lower()}{kind[1:]}"

    @property
    def our_currency(self) -> str:
        """In which our cents are."""
        return self.ours_currency or self.currency

    @property
    def fingerprint(self) -> str:
        """What a page showed; whoever acts on it must have seen this."""
        resolved = self.resolved_at.isoformat() if self.resolved_at else ""
        cents = (self.ours_cents, self.theirs_cents, self.left_cents)
        return "|".join(map(str, (self.key, *cents, self.ours, self.theirs, resolved)))
