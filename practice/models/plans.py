"""How a member sees their days, and what they mean to practise in them."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from enrollment.encryption import EncryptedJSONField
from enrollment.models import Enrollment
from sessions.schedule import WEEKS


class Profile(models.Model):
    """A look at the areas of one's own daily life, in one's own words. `looks.py` has its shape."""

    member = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="daily_life"
    )
    content = EncryptedJSONField()
    saved_at = models.DateTimeField()
    # Counts the savings, so that two pages open at once can tell who was first.
    revision = models.PositiveIntegerField(default=1)


class WeekPlan(models.Model):
    """The one practice that a member chose for a week. `planning.py` has its shape."""

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="week_plans")
    week = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(WEEKS)]
    )
    content = EncryptedJSONField()
    skipped = models.BooleanField(default=False)
    saved_at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ("week",)
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "week"], name="one_practice_per_week"),
            models.CheckConstraint(
                condition=models.Q(week__gte=1, week__lte=WEEKS), name="plan_is_of_one_of_the_weeks"
            ),
        ]
