"""What one person pays instead of the list price: codes, who used them, and personal prices."""

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from enrollment.models import Enrollment
from enrollment.states import LIVE
from sessions.models import Cohort, Programme
from sessions.pricing import format_money

# A use counts while its seat is kept, and for good once that was confirmed; so a reservation that
# ends unpaid gives its use back by itself.
COUNTS = Q(enrollment__status__in=LIVE) | Q(enrollment__confirmed_at__isnull=False)


class PromotionCode(models.Model):
    """A word that takes a part or an amount off. Never edited; it can be ended."""

    code = models.CharField(max_length=24, unique=True, help_text="In capitals.")
    percent_off = models.PositiveSmallIntegerField(null=True)
    amount_off_cents = models.PositiveIntegerField(null=True)
    limit = models.PositiveIntegerField(null=True, help_text="How many may use it; empty: all.")
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    cohort = models.ForeignKey(Cohort, models.PROTECT, null=True, related_name="+")
    programme = models.ForeignKey(Programme, models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True, help_text="For staff only.")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-made_at", "-pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-Z0-9-]{4,24}$"), name="a_code_can_be_typed"
            ),
            models.CheckConstraint(
                # A comparison with nothing is not false: without the second half both may be empty.
                condition=Q(percent_off__isnull=False, percent_off__range=(1, 100))
                & Q(amount_off_cents=None)
                | Q(percent_off=None, amount_off_cents__isnull=False, amount_off_cents__gt=0),
                name="a_code_takes_a_part_or_an_amount",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("starts_at")),
                name="a_code_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(limit=None) | Q(limit__gt=0), name="a_code_can_be_used"
            ),
            models.CheckConstraint(
                condition=Q(cohort=None) | Q(programme=None), name="a_code_is_for_one_thing"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def counts_at(self, now: dt.datetime) -> bool:
        """Whether it takes anything off at that moment. How often it was used is not asked."""
        over = self.expires_at is not None and self.expires_at <= now
        return self.starts_at <= now and self.ended_at is None and not over

    def is_for(self, cohort: Cohort) -> bool:
        if self.cohort_id is not None:
            return self.cohort_id == cohort.pk
        return self.programme_id in (None, cohort.programme_id)

    @property
    def takes_off(self) -> str:
        if self.percent_off is not None:
            return f"{self.percent_off}% off"
        return f"{format_money(self.amount_off_cents or 0)} off"


class Redemption(models.Model):
    """That an enrolment uses a code. Taken back with its row while nothing is paid."""

    enrollment = models.OneToOneField(Enrollment, models.PROTECT, related_name="redemption")
    code = models.ForeignKey(PromotionCode, models.PROTECT, related_name="redemptions")
    off_cents = models.PositiveIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.code_id} for {self.enrollment_id}"


class PersonalPrice(models.Model):
    """What one person pays for all twelve sessions, in one group or in any, until it is ended.

    0 is a free place. Whoever joins later pays the part from their first week.
    """

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="personal_prices"
    )
    cohort = models.ForeignKey(
        Cohort, models.PROTECT, null=True, related_name="+", help_text="Empty: any group."
    )
    price_cents = models.PositiveIntegerField(help_text="For all 12 sessions; 0 is a free place.")
    reason = models.CharField(max_length=200, help_text="For staff only.")
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    given_at = models.DateTimeField()
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-given_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "cohort"],
                condition=Q(ended_at=None, cohort__isnull=False),
                name="one_personal_price_per_group",
            ),
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(ended_at=None, cohort=None),
                name="one_personal_price_for_any_group",
            ),
        ]

    def __str__(self) -> str:
        return f"Price of {self.member_id}"
