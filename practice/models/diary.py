"""A card for one day."""

from django.db import models

from enrollment.encryption import EncryptedJSONField
from enrollment.models import Enrollment


class DiaryEntry(models.Model):
    """What a member noted about one day of theirs. `diary.py` has its shape.

    `day` is a date in the member's own zone. When a page that did not know of the entry saves over
    it, what stood there is kept in `replaced`: the later wins, and nothing is lost.
    """

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="diary")
    day = models.DateField()
    content = EncryptedJSONField()
    saved_at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)
    replaced = EncryptedJSONField(null=True, blank=True)
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "diary entries"
        ordering = ("day",)
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "day"], name="one_diary_card_per_day")
        ]
