"""People: who they are, what they may do, and in which zone they read the time."""

import datetime as dt
from typing import Any, ClassVar, NoReturn

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts import clock


class Role(models.TextChoices):
    """What somebody may do: docs/security.md has the table."""

    MEMBER = "member", "Member"
    FACILITATOR = "facilitator", "Facilitator"
    BILLING = "billing", "Billing admin"
    # Sees what members share with them, and nothing else.
    PRACTITIONER = "practitioner", "Practitioner"
    ADMIN = "admin", "Admin"


# Who may lead groups, and so sees what belongs to their people.
LEADING = (Role.FACILITATOR, Role.ADMIN)


def validate_time_zone(value: str) -> None:
    if value not in clock.known_zones():
        raise ValidationError("Choose a time zone from the list.")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a person under their lower-cased address; no password means login by code."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{**fields, "role": Role.ADMIN})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """One person. The role decides what they may do; a facilitator's also `may_plan`."""

    email = models.EmailField(
        "email address", unique=True, error_messages={"unique": "This address is already in use."}
    )
    display_name = models.CharField(
        max_length=80, blank=True, help_text="What your group and your facilitator call you."
    )
    time_zone = models.CharField(
        max_length=64, default=clock.DEFAULT_ZONE, validators=[validate_time_zone]
    )
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)
    may_plan = models.BooleanField(
        "May plan their own groups",
        default=False,
        help_text="For facilitators: they plan and publish groups that they lead, at the "
        "program's list price.",
    )
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            # Together with `unique` above: two spellings of one address are one person.
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"
            )
        ]

    def __str__(self) -> str:
        return self.display_name or self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()

    @property
    def is_staff(self) -> bool:
        """May open Django's admin."""
        return self.role == Role.ADMIN

    @property
    def leads(self) -> bool:
        """Whether the pages under /lead/ are for them: those of their groups, or all."""
        return self.role in LEADING

    @property
    def plans(self) -> bool:
        """Whether the pages under /plan/ are for them: all groups, or a facilitator's own."""
        return self.role == Role.ADMIN or (self.role == Role.FACILITATOR and self.may_plan)

    @property
    def handles_money(self) -> bool:
        """Whether the pages under /money/ are for them; a second factor is asked for there."""
        return self.role in (Role.BILLING, Role.ADMIN)

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        return self.is_active and self.role == Role.ADMIN

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.role == Role.ADMIN


# --- The audit log ----------------------------------------------------------------------


class Action(models.TextChoices):
    """What the audit log knows. A room that writes down something new adds its line here."""

    INTAKE_READ = "intake.read", "Looked at a member's answers"
    SUPERBILL_READ = "superbill.read", "Looked at a member's superbill"
    ROLE_MEMBER = "role.member", "Made somebody a member"
    ROLE_FACILITATOR = "role.facilitator", "Made somebody a facilitator"
    ROLE_BILLING = "role.billing", "Made somebody a billing admin"
    ROLE_PRACTITIONER = "role.practitioner", "Made somebody a practitioner"
    ROLE_ADMIN = "role.admin", "Made somebody an admin"
    MAY_PLAN = "planning.given", "Let a facilitator plan their own groups"
    MAY_NOT_PLAN = "planning.taken", "Let a facilitator not plan any more"
    ADDRESS_REPLACED = "address.replaced", "Replaced somebody\u2019s email address"
    FACTOR_TAKEN = "factor.taken", "Took somebody's second factor away"
    CODE_MADE = "code.made", "Made a promotion code"
    CODE_ENDED = "code.ended", "Ended a promotion code"
    PRICE_GIVEN = "price.given", "Gave somebody a price of their own"
    PRICE_ENDED = "price.ended", "Ended somebody\u2019s own price"
    LEDGER_TAKEN = "ledger.taken", "Downloaded the ledger"
    ATTENDANCE_READ = "attendance.read", "Looked at attendance because of a dispute"
    DISPUTE_DECIDED = "dispute.decided", "Decided about the seat of a disputed payment"
    BOOKS_IMPORTED = "books.imported", "Imported what the books did not have"
    BOOKS_ADJUSTED = "books.adjusted", "Put the books right by hand"
    BOOKS_SETTLED = "books.settled", "Settled a difference another way"
    RUN_STARTED = "run.started", "Began to refund a group"
    RUN_APPROVED = "run.approved", "Agreed to refund a group"
    RUN_STOPPED = "run.stopped", "Stopped refunding a group"
    CURRICULUM_APPROVED = "curriculum.approved", "Ticked that a clinician approves a curriculum"
    CURRICULUM_PUBLISHED = "curriculum.published", "Published a curriculum"
    SHARED_PLAN_READ = "shared.plan", "Opened a plan that a member shares"
    SHARED_DIARY_READ = "shared.diary", "Opened a diary summary that a member shares"
    SHARED_GOALS_READ = "shared.goals", "Opened goals that a member shares"
    SHARED_ATTENDANCE_READ = "shared.attendance", "Opened attendance that a member shares"
    SHARED_TAKEN = "shared.taken", "Downloaded what a member shares"
    SHARING_ENDED = "sharing.ended", "Ended what they share with somebody"
    PRACTICE_READ = "practice.read", "Looked at what members share with who leads their group"
    PRACTICE_ERASED = "practice.erased", "Erased their own practice"


def actions() -> list[tuple[str, str]]:
    """Called by the field, so that a new action needs no migration."""
    return Action.choices


class Subject(models.TextChoices):
    """Of what kind the thing is that an entry is about; its id alone says which."""

    USER = "user", "Person"
    CODE = "code", "Promotion code"
    PRICE = "price", "Personal price"
    LEDGER = "ledger", "Lines of the ledger"
    DISPUTE = "dispute", "Dispute"
    DIFFERENCE = "difference", "Difference"
    RUN = "run", "Refund of a group"
    CURRICULUM = "curriculum", "Curriculum"
    SHARE = "share", "What a member shares"
    PRACTICE = "practice", "Practice of a member"


def subjects() -> list[tuple[str, str]]:
    return Subject.choices


class Unchangeable(TypeError):
    """The audit log is only ever added to; changing it is an error in the program."""


class AuditEntries(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise Unchangeable

    def delete(self) -> NoReturn:
        raise Unchangeable


class AuditEntry(models.Model):
    """Who did what to whom, and when: one line, which holds no name and no answer.

    `audit.record` writes it. Nobody changes or removes one: the model and the database refuse
    (see the migration `audit_log`), and a chain of hashes shows it when somebody did so anyway.
    """

    at = models.DateTimeField()
    actor = models.ForeignKey(User, models.PROTECT, related_name="+")
    action = models.CharField(max_length=32, choices=actions)
    subject_kind = models.CharField(max_length=32, choices=subjects)
    subject_id = models.CharField(max_length=64)
    ip = models.CharField("address", max_length=45, blank=True)
    # Unique: two entries after the same one would be a fork, and one of them could go unseen.
    previous = models.CharField(max_length=64, unique=True, help_text="Empty for the first.")
    hash = models.CharField(max_length=64)

    objects: ClassVar[models.Manager["AuditEntry"]] = AuditEntries.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["subject_kind", "subject_id", "action"])]

    def __str__(self) -> str:
        return f"{self.at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC: {self.get_action_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Unchangeable
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Unchangeable
