"""Papers that were issued: receipts, superbills, good-faith estimates. Never changed."""

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models

from accounts.clock import local
from billing.models.ledger import Unchangeable
from billing.models.payments import Payment
from enrollment.encryption import EncryptedJSONField
from enrollment.models import Enrollment


class IssuedPapers(models.QuerySet["IssuedPaper"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise Unchangeable

    def delete(self) -> NoReturn:
        raise Unchangeable


class IssuedPaper(models.Model):
    """One paper as it was given out. What has changed since is another paper, with another number.

    The content may be health information, so it is encrypted. Writing it again under a new key is
    the only change that the model and the database (see the migration) allow.
    """

    class Kind(models.TextChoices):
        RECEIPT = "receipt", "Receipt"
        SUPERBILL = "superbill", "Superbill"
        ESTIMATE = "estimate", "Good-faith estimate"

    LETTERS: ClassVar[dict[str, str]] = {
        Kind.RECEIPT: "R",
        Kind.SUPERBILL: "S",
        Kind.ESTIMATE: "E",
    }

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="papers")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, related_name="papers", help_text="If about one alone."
    )
    version = models.PositiveSmallIntegerField(help_text="Of the template.")
    issued_at = models.DateTimeField()
    issued_to = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="papers")
    content = EncryptedJSONField()
    # Unique: of two that replace the same one, nobody could say which counts.
    replaces = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaced_by")

    objects: ClassVar[models.Manager["IssuedPaper"]] = IssuedPapers.as_manager()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.LETTERS[self.kind]}-{self.pk:06}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding and set(kwargs.get("update_fields") or ()) != {"content"}:
            raise Unchangeable
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Unchangeable

    @property
    def number(self) -> str:
        """As in "R-2026-000123": the year in the group's zone, and a number that no other has."""
        year = local(self.issued_at, self.enrollment.cohort.zone).year
        return f"{self.LETTERS[self.kind]}-{year}-{self.pk:06}"
