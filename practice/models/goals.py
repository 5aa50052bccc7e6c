"""What a member wants to reach, in five steps, and how far they are."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from enrollment.encryption import EncryptedJSONField
from enrollment.models import Enrollment

MOST_GOALS = 3
# When a goal is looked at: after the first session, and at the end of each block.
RATED_WEEKS = (1, 4, 8, 12)


class Goal(models.Model):
    """One of at most three goals with its five levels, from -2 to +2. `goals.py` has its shape."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="goals")
    slot = models.PositiveSmallIntegerField(help_text="1 to 3: there are not more at a time.")
    content = EncryptedJSONField()
    made_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)
    # Whoever leads the group, or a practitioner, with whom the levels were agreed; a change of the
    # levels takes it away.
    agreed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    agreed_at = models.DateTimeField(null=True, blank=True)
    worked_on_with = models.ForeignKey(
        "practice.Share", models.SET_NULL, null=True, blank=True, related_name="goals"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("made_at", "pk")
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "slot"],
                condition=Q(ended_at=None),
                name="one_goal_in_each_of_three_slots",
            ),
            models.CheckConstraint(
                condition=Q(slot__gte=1, slot__lte=MOST_GOALS), name="at_most_three_goals"
            ),
        ]


class GoalRating(models.Model):
    """How far a goal was at one of the four looks; the level and a note are encrypted."""

    goal = models.ForeignKey(Goal, models.CASCADE, related_name="ratings")
    week = models.PositiveSmallIntegerField(choices=[(n, f"Week {n}") for n in RATED_WEEKS])
    content = EncryptedJSONField()
    rated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    rated_at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ("week",)
        constraints = [
            models.UniqueConstraint(fields=["goal", "week"], name="one_rating_per_goal_and_week"),
            models.CheckConstraint(
                condition=Q(week__in=RATED_WEEKS), name="goals_are_rated_in_four_weeks"
            ),
        ]
