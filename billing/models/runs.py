"""Giving money back to many people of one group: one run, an item for each person."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from billing.models.decisions import RefundDecision
from enrollment.models import Enrollment
from sessions.models import Cohort


class RefundRun(models.Model):
    """What is done for everybody in it, on what one rehearsal showed.

    With `ends_group` the group is not held any more: that happens when the run begins. Workers
    take its items one by one while it is RUNNING.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waits for a second person"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"

    NOT_OVER = ("waiting", "running", "paused")

    # Made with the rehearsal, so that pressing twice is one run.
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="refund_runs")
    ends_group = models.BooleanField(help_text="Whether the group is not held any more.")
    basis = models.CharField(max_length=10, choices=RefundDecision.Basis.choices)
    frees_seat = models.BooleanField()
    reason = models.CharField(max_length=200, blank=True, help_text="For staff; never mailed.")
    state = models.CharField(max_length=8, choices=State.choices)
    needs_second = models.BooleanField(help_text="Whether another person has to agree.")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-made_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=["cohort"],
                condition=Q(state__in=["waiting", "running", "paused"]),
                name="one_run_at_a_time_per_group",
            ),
            models.CheckConstraint(
                condition=~Q(approved_by=F("made_by")), name="a_run_is_approved_by_another_person"
            ),
            models.CheckConstraint(
                condition=Q(needs_second=False)
                | Q(state__in=["waiting", "stopped"])
                | Q(approved_by__isnull=False),
                name="a_big_run_begins_when_approved",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["done", "stopped"], finished_at__isnull=False)
                | Q(state__in=["waiting", "running", "paused"], finished_at=None),
                name="a_run_that_is_over_has_an_end",
            ),
        ]
        indexes = [
            models.Index(
                fields=["made_at"],
                condition=Q(state__in=["waiting", "running", "paused"]),
                name="billing_runs_not_over",
            )
        ]

    def __str__(self) -> str:
        return f"Run {self.uuid}"

    def get_absolute_url(self) -> str:
        return reverse("billing:run", args=[self.uuid])

    @property
    def declined(self) -> bool:
        """Whether it was stopped before it began: by the second person, or taken back."""
        return self.state == self.State.STOPPED and self.needs_second and not self.approved_by_id

    @property
    def state_words(self) -> str:
        return "Declined" if self.declined else self.get_state_display()


class RunItem(models.Model):
    """One person in a run: what the rehearsal said, and what became of it."""

    class State(models.TextChoices):
        TODO = "todo", "To do"
        DONE = "done", "Done"
        CHANGED = "changed", "Needs a person"
        FAILED = "failed", "Could not be done"
        ASIDE = "aside", "Set aside"

    # While there is one of these the run is not done.
    OPEN = ("todo", "changed", "failed")

    run = models.ForeignKey(RefundRun, models.PROTECT, related_name="items")
    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="run_items")
    cents = models.PositiveIntegerField(help_text="As rehearsed.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.TODO)
    words = models.CharField(max_length=300, blank=True, help_text="Why it is not done.")
    decision = models.OneToOneField(
        RefundDecision, models.PROTECT, null=True, related_name="run_item"
    )
    at = models.DateTimeField(null=True, help_text="When its state changed last.")

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(
                fields=["run", "enrollment"], name="one_item_per_run_and_enrollment"
            ),
            models.CheckConstraint(
                condition=Q(state="done", decision__isnull=False)
                | (~Q(state="done") & Q(decision=None)),
                name="what_is_done_in_a_run_was_decided",
            ),
        ]
        indexes = [
            models.Index(
                fields=["run", "id"], condition=Q(state="todo"), name="billing_run_items_todo"
            )
        ]

    def __str__(self) -> str:
        return f"{self.enrollment_id} in {self.run_id}"

    @property
    def key(self) -> uuid.UUID:
        """Of the decision that this item comes to, however often it is begun."""
        return uuid.uuid5(self.run.uuid, str(self.enrollment_id))
