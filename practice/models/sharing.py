"""What a member lets others see: consent with an end, and what came of it."""

import datetime as dt
import uuid
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from enrollment.encryption import EncryptedJSONField
from enrollment.models import Enrollment
from sessions.schedule import WEEKS


class Part(models.TextChoices):
    """What can be shared with a practitioner, each by itself."""

    PLAN = "plan", "Your weekly plan"
    DIARY = "diary", "A summary of your diary, without your notes"
    GOALS = "goals", "Your goals"
    ATTENDANCE = "attendance", "Which sessions you came to"


def validate_parts(value: object) -> None:
    if not isinstance(value, list) or not value or set(value) - set(Part.values):
        raise ValidationError("Choose at least one part to share.")


class PractitionerRole(models.TextChoices):
    OCCUPATIONAL_THERAPIST = "ot", "Occupational therapist"
    INDIVIDUAL_THERAPIST = "therapist", "Individual therapist"
    OTHER = "other", "Somebody else"


class Shares(models.QuerySet["Share"]):
    def standing(self, now: dt.datetime) -> "Shares":
        """Neither withdrawn nor over: what a practitioner may open."""
        return self.filter(withdrawn_at=None, ends_at__gt=now)


class Share(models.Model):
    """A member's signed consent that one practitioner may see some parts until a day.

    It is never edited: another choice is another signature, and ends this one.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="shares")
    practitioner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="shared_with_me"
    )
    role = models.CharField(max_length=16, choices=PractitionerRole.choices)
    parts = models.JSONField(validators=[validate_parts])
    # Names, as the member wrote them: the practitioner's, and their own as a signature.
    content = EncryptedJSONField()
    terms_version = models.PositiveSmallIntegerField(help_text="Of the consent that was signed.")
    signed_at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True, blank=True)
    ends_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Share"]] = Shares.as_manager()

    class Meta:
        ordering = ("signed_at", "pk")
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "practitioner"],
                condition=Q(withdrawn_at=None),
                name="one_consent_per_practitioner",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("signed_at")), name="a_consent_ends_after_it_began"
            ),
        ]

    def stands(self, now: dt.datetime) -> bool:
        return self.withdrawn_at is None and self.ends_at > now

    def shows(self, part: Part, now: dt.datetime) -> bool:
        return part in self.parts and self.stands(now)


class SharedWithLeader(models.Model):
    """What whoever leads the group sees before a session; without a row, whether they practised."""

    class Kind(models.TextChoices):
        PRACTISED = "practised", "Whether you practised, and nothing more"
        PLAN = "plan", "Your plan of the week"
        GOALS = "goals", "Your goals"

    enrollment = models.OneToOneField(Enrollment, models.CASCADE, related_name="shared_with_leader")
    parts = models.JSONField(default=list, blank=True)
    saved_at = models.DateTimeField()


class Proposal(models.Model):
    """What a practitioner wrote to the plan of a week: a comment, or something to try."""

    class Kind(models.TextChoices):
        COMMENT = "comment", "Comment"
        ACTIVITY = "activity", "Another activity"
        ADAPTATION = "adaptation", "A way to make it easier"

    class State(models.TextChoices):
        OPEN = "open", "Not answered yet"
        ACCEPTED = "accepted", "Taken over"
        DECLINED = "declined", "Not for me"
        # By whoever wrote it, before it was answered: its words are erased.
        TAKEN_BACK = "taken_back", "Taken back"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    share = models.ForeignKey(Share, models.CASCADE, related_name="proposals")
    week = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    content = EncryptedJSONField()
    made_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("made_at", "pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(week__gte=1, week__lte=WEEKS),
                name="proposal_is_about_one_of_the_weeks",
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None)
                | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="a_decided_proposal_says_when",
            ),
        ]
