"""A member who goes to another group, and the money that goes along."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from enrollment.models import Enrollment
from enrollment.states import Status


class Transfer(models.Model):
    """From one seat to another one. Integer cents.

    While it is open and the new seat is kept, `credit_cents` of the old seat's money are reserved
    for it. It is done when the new seat is confirmed and the old one given up, or it has ended.
    """

    class State(models.TextChoices):
        OPEN = "open", "Waits for the rest to be paid"
        DONE = "done", "Done"
        ENDED = "ended", "Ended: nothing was moved"

    # Whose new seat can still be paid for.
    KEPT: ClassVar[Q] = Q(target__status__in=(Status.HELD, Status.AWAITING_FUNDS))

    # Made with the page that is confirmed, so that pressing twice moves once.
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.ForeignKey(Enrollment, models.PROTECT, related_name="transfers")
    target = models.OneToOneField(Enrollment, models.PROTECT, related_name="came_by")
    credit_cents = models.PositiveIntegerField(help_text="For the sessions left in the old group.")
    price_cents = models.PositiveIntegerField(help_text="Of the new seat.")
    state = models.CharField(max_length=5, choices=State.choices, default=State.OPEN)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(state__in=["open", "done"]),
                name="one_transfer_per_enrollment",
            ),
            models.CheckConstraint(
                condition=~Q(source=F("target")), name="a_transfer_leads_elsewhere"
            ),
            models.CheckConstraint(
                condition=Q(state="done", done_at__isnull=False)
                | Q(state__in=["open", "ended"], done_at=None),
                name="a_transfer_is_done_at_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["target"], condition=Q(state="open"), name="billing_open_transfers"
            )
        ]

    def __str__(self) -> str:
        return f"Transfer {self.uuid}"

    @property
    def moved_cents(self) -> int:
        """What goes from the old seat's money to the new one's."""
        return min(self.credit_cents, self.price_cents)

    @property
    def due_cents(self) -> int:
        """What is to be paid besides."""
        return self.price_cents - self.moved_cents

    @property
    def back_cents(self) -> int:
        """What is left over and goes back."""
        return self.credit_cents - self.moved_cents
