"""A promise to send one mail, and how far it has been kept."""

import hashlib
from datetime import UTC
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q


class State(models.TextChoices):
    QUEUED = "queued", "Queued"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    NOT_OWED = "not_owed", "Not owed"
    FAILED = "failed", "Failed"


class Message(models.Model):
    """One mail owed to one person: what it is about, never what it says.

    The words are made by the kind's renderer at the moment of sending. Only `promises.py`
    inserts rows, and only `claims.py` writes the state.
    """

    kind = models.CharField(max_length=60)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="mails")
    subject_id = models.BigIntegerField("about", help_text="The row that the mail is about.")
    occasion_id = models.BigIntegerField(
        "occasion", default=0, help_text="Tells several mails about one row apart."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    lease = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True, default="")
    reason = models.CharField(
        max_length=200, blank=True, default="", help_text="Why the mail was not owed any more."
    )
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "mail"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_id", "occasion_id"], name="one_mail_per_occasion"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="mail_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=State.SENDING, lease__isnull=False, lease_until__isnull=False)
                | (~Q(state=State.SENDING) & Q(lease__isnull=True, lease_until__isnull=True)),
                name="mail_is_leased_while_sending",
            ),
            models.CheckConstraint(
                condition=Q(state=State.SENT, sent_at__isnull=False)
                | (~Q(state=State.SENT) & Q(sent_at__isnull=True)),
                name="mail_has_sent_at_when_sent",
            ),
        ]
        # Each holds the few rows that are waiting, however many mails were ever sent.
        indexes = [
            models.Index(
                fields=["next_try_at", "id"], condition=Q(state=State.QUEUED), name="mail_due"
            ),
            models.Index(
                fields=["lease_until"], condition=Q(state=State.SENDING), name="mail_leased"
            ),
            models.Index(
                fields=["created_at"], condition=Q(state=State.FAILED), name="mail_failed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}/{self.occasion_id}"

    @property
    def message_id(self) -> str:
        """The mail's Message-ID: the same at each attempt, so that a copy is known as a copy.

        A hash, because mail servers log it: it tells neither the person nor the kind. It
        depends on nothing but the row, so that a new secret key does not change it.
        """
        instant = self.created_at.astimezone(UTC).isoformat()
        digest = hashlib.blake2b(f"{self.pk} {instant}".encode(), digest_size=16).hexdigest()
        return f"<{digest}@{urlsplit(settings.SITE_URL).hostname}>"
