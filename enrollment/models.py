"""People in cohorts: the seats, who holds them and why, what they agreed to, who arrived."""

import datetime as dt
import secrets
import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from enrollment.encryption import EncryptedJSONField
from enrollment.states import ENTERED, IN_STANDING, Status
from sessions.models import Cohort, GroupSession


def random_door_token() -> str:
    """192 bits: the door's address cannot be guessed, only given away."""
    return secrets.token_urlsafe(24)


class Enrollment(models.Model):
    """One member's place in one cohort, from the reservation to the end."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="enrollments")
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="enrollments")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.HELD)
    first_week = models.PositiveSmallIntegerField(default=1)
    price_cents = models.PositiveIntegerField(
        help_text="What was agreed for the whole: frozen when its payment began."
    )
    off_cents = models.PositiveIntegerField(default=0, help_text="Taken off the list price.")
    price_words = models.CharField(
        max_length=200, blank=True, help_text="Why it is less, in words for the member."
    )
    currency = models.CharField(max_length=3, default="usd")
    door_token = models.CharField(
        max_length=40, unique=True, default=random_door_token, editable=False
    )
    reserved_at = models.DateTimeField()
    waiting_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When they joined the waitlist: their place in it. Set once, never changed.",
    )
    held_until = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "cohort"],
                condition=Q(status__in=ENTERED),
                name="one_live_enrollment_per_member_and_cohort",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[Status.HELD, Status.OFFERED])
                | Q(held_until__isnull=False),
                name="a_held_seat_has_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[Status.WAITLISTED, Status.OFFERED])
                | Q(waiting_since__isnull=False),
                name="who_waits_has_a_place",
            ),
        ]
        indexes = [
            models.Index(fields=["cohort", "status"]),
            models.Index(
                fields=["held_until"],
                condition=Q(status__in=[Status.HELD, Status.AWAITING_FUNDS]),
                name="enrollment_overdue_holds",
            ),
            # The few who wait, in their order, and the few offers that run.
            models.Index(
                fields=["cohort", "waiting_since", "id"],
                condition=Q(status=Status.WAITLISTED),
                name="enrollment_waiting",
            ),
            models.Index(
                fields=["held_until"],
                condition=Q(status=Status.OFFERED),
                name="enrollment_overdue_offers",
            ),
            # Whoever was confirmed lately is owed a paper; the desk's lists begin with the latest.
            models.Index(
                fields=["confirmed_at"],
                condition=Q(status__in=[*IN_STANDING, Status.SUSPENDED]),
                name="enrollment_confirmed_lately",
            ),
            models.Index(fields=["-reserved_at", "-id"], name="enrollment_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.member} in {self.cohort}"

    def get_absolute_url(self) -> str:
        return reverse("enrollment:my_group", args=[self.public_id])

    def held_at(self, now: dt.datetime) -> bool:
        """Whether the seat is kept and can still be paid for."""
        return self.status == Status.HELD and self.held_until is not None and self.held_until > now

    def offered_at(self, now: dt.datetime) -> bool:
        """Whether a seat is offered that they can still say yes to."""
        offered = self.status == Status.OFFERED
        return offered and self.held_until is not None and self.held_until > now

    @property
    def list_price_cents(self) -> int:
        """What anybody pays from this first week on, as it was when the seat was reserved."""
        return self.price_cents + self.off_cents

    @property
    def door_url(self) -> str:
        """The member's private link: the same all twelve weeks, useless to anybody else."""
        return settings.SITE_URL + reverse("enrollment:door", args=[self.door_token])

    @property
    def week_url(self) -> str:
        """Where the member plans their own week: a page of a room above, known by its name."""
        return settings.SITE_URL + reverse("practice:hub", args=[self.public_id])


class Seat(models.Model):
    """A chair. A cohort has exactly `capacity` of them, so it cannot be oversold."""

    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="seats")
    number = models.PositiveSmallIntegerField()
    enrollment = models.OneToOneField(
        Enrollment, models.PROTECT, null=True, blank=True, related_name="seat"
    )

    class Meta:
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=["cohort", "number"], name="one_seat_per_number")
        ]
        indexes = [
            models.Index(
                fields=["cohort"],
                condition=Q(enrollment__isnull=True),
                name="enrollment_free_seats",
            )
        ]

    def __str__(self) -> str:
        return f"Seat {self.number}"


class EnrollmentMove(models.Model):
    """History: every change of an enrolment's status, by whom and why. Never edited."""

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="moves")
    source = models.CharField(max_length=16, choices=Status.choices, blank=True)
    target = models.CharField(max_length=16, choices=Status.choices)
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=200)

    MOVED_TO = "Moved to"  # so begins the reason of a seat that was given up for another one

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.source or 'new'} → {self.target}"


class Intake(models.Model):
    """What a member told us about themselves, encrypted; kept for their next group too."""

    member = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="intake")
    answers = EncryptedJSONField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Intake of {self.member_id}"


class Consent(models.Model):
    """That a member agreed to one text, in the version that they read, when and from where."""

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="consents")
    kind = models.CharField(max_length=32)
    version = models.CharField(max_length=16)
    accepted_at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "kind"], name="one_consent_per_kind_and_enrollment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"


class Attendance(models.Model):
    """A member's arrival at one session, recorded by the door and never edited."""

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="attendances")
    session = models.ForeignKey(GroupSession, models.PROTECT, related_name="attendances")
    arrived_at = models.DateTimeField()
    location = models.CharField(max_length=2, help_text="The state the member joined from.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "session"], name="one_attendance_per_session"
            )
        ]

    def __str__(self) -> str:
        return f"{self.enrollment_id} at {self.session_id}"


class AbsenceQuerySet(models.QuerySet["Absence"]):
    def standing(self) -> Self:
        """What was said about a session at the time that it still has."""
        return self.filter(session__starts_at=F("starts_at"))


class Absence(models.Model):
    """That a member said beforehand that they cannot come to a session. No reason is asked."""

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="absences")
    session = models.ForeignKey(GroupSession, models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField(help_text="The time of the session that it was said about.")
    said_at = models.DateTimeField()

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "session"], name="one_absence_per_member_and_session"
            )
        ]

    def __str__(self) -> str:
        return f"{self.enrollment_id} not at {self.session_id}"


class Visit(models.Model):
    """A chair in one session of another group, in place of one's own session of that week."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="visits")
    instead_of = models.ForeignKey(GroupSession, models.PROTECT, related_name="made_up_by")
    session = models.ForeignKey(GroupSession, models.PROTECT, related_name="visits")
    # Forgotten when the chair is taken away after the session.
    seat = models.ForeignKey(Seat, models.SET_NULL, null=True, related_name="visits")
    door_token = models.CharField(
        max_length=40, unique=True, default=random_door_token, editable=False
    )
    taken_at = models.DateTimeField()
    given_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["seat", "session"],
                condition=Q(given_back_at=None),
                name="one_visitor_per_chair_and_session",
            ),
            models.UniqueConstraint(
                fields=["enrollment", "instead_of"],
                condition=Q(given_back_at=None),
                name="one_visit_per_missed_session",
            ),
            models.UniqueConstraint(
                fields=["enrollment", "session"],
                condition=Q(given_back_at=None),
                name="one_visit_per_member_and_session",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrollment_id} visits {self.session_id}"

    @property
    def door_url(self) -> str:
        """The visitor's private link, for this session only."""
        return settings.SITE_URL + reverse("enrollment:door", args=[self.door_token])


class Mark(models.TextChoices):
    """What became of one member's place in one session."""

    PRESENT = "present", "Present"
    LATE = "late", "Late"
    ABSENT = "absent", "Absent"
    EXCUSED = "excused", "Excused"
    MADE_UP = "made_up", "Made up elsewhere"


class AttendanceNote(models.Model):
    """What the person who led a session noted about one member. It counts before the door."""

    enrollment = models.ForeignKey(Enrollment, models.PROTECT, related_name="notes")
    session = models.ForeignKey(GroupSession, models.PROTECT, related_name="notes")
    mark = models.CharField(max_length=8, choices=Mark.choices)
    late_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    noted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "session"], name="one_note_per_member_and_session"
            ),
            models.CheckConstraint(
                condition=Q(mark=Mark.LATE, late_minutes__isnull=False, late_minutes__gte=1)
                | (~Q(mark=Mark.LATE) & Q(late_minutes=None)),
                name="minutes_belong_to_late",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrollment_id} at {self.session_id}: {self.mark}"


class Register(models.Model):
    """That the attendance of one session is complete: everybody expected has a note."""

    session = models.OneToOneField(GroupSession, models.PROTECT, related_name="register")
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"Attendance of {self.session_id}"


def random_feed_token() -> str:
    """192 bits, as a door's."""
    return secrets.token_urlsafe(24)


class CalendarFeed(models.Model):
    """The secret address of one person's calendar. Without a row there is no such address."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_feed"
    )
    token = models.CharField(max_length=40, unique=True, default=random_feed_token, editable=False)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Calendar of {self.person_id}"

    @property
    def url(self) -> str:
        return settings.SITE_URL + reverse("enrollment:feed", args=[self.token])


class GroupMessage(models.Model):
    """What somebody who leads a group writes to its members: one mail to each.

    Never edited: whoever wants other words cancels it and writes anew.
    """

    LONGEST = 2_000

    class Obstacle(models.TextChoices):
        """Why a message did not go out when its time came, though nobody cancelled it."""

        AUTHOR = "author", "Whoever wrote it does not lead the group any more"
        NAMES = "names", "It names somebody who has joined since"

    # Made with the preview, so that pressing twice sends once.
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    body = models.TextField(max_length=LONGEST)
    everyone = models.BooleanField(help_text="To whoever is in the group when it goes out.")
    to = models.ManyToManyField(Enrollment, related_name="+", blank=True)
    created_at = models.DateTimeField()
    send_at = models.DateTimeField()
    promised_at = models.DateTimeField(null=True, help_text="When its mails were promised.")
    cancelled_at = models.DateTimeField(null=True)
    obstacle = models.CharField(
        max_length=8,
        choices=Obstacle.choices,
        blank=True,
        help_text="Why it was cancelled by itself; empty when somebody did it.",
    )

    class Meta:
        ordering = ("-send_at", "-pk")
        # The few that are still to go out, however many ever went.
        indexes = [
            models.Index(
                fields=["send_at"],
                condition=Q(promised_at=None, cancelled_at=None),
                name="group_message_to_go_out",
            )
        ]

    def __str__(self) -> str:
        return f"Message to {self.cohort_id}"

    def get_absolute_url(self) -> str:
        return reverse("enrollment:message", args=[self.cohort.slug, self.public_id])
