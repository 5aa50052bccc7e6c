"""Time: programmes, what their twelve weeks teach, cohorts, and each cohort's twelve sessions."""

import datetime as dt
import secrets
import zoneinfo
from typing import Any, ClassVar, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models
from django.urls import reverse

from accounts.models import validate_time_zone
from sessions import schedule
from sessions.curriculum import FROM_THE_START
from sessions.us_states import US_STATES

WEEKS = schedule.WEEKS
# A first date outside of these years is a slip of the finger.
PLAUSIBLE_YEARS = range(2000, 2101)


def random_room() -> str:
    """A room name that nobody guesses (144 bits)."""
    return "g-" + secrets.token_hex(18)


def validate_us_states(value: object) -> None:
    if not isinstance(value, list) or not value:
        raise ValidationError("List at least one state, for example CA, NY.")
    unknown = [code for code in value if code not in US_STATES]
    if unknown:
        raise ValidationError(f"Not a US state: {', '.join(map(str, unknown))}.")


def validate_dates(value: object) -> None:
    try:
        if not isinstance(value, list):
            raise TypeError
        dates = [dt.date.fromisoformat(day) for day in value]
    except (TypeError, ValueError):
        raise ValidationError("List dates as YYYY-MM-DD.") from None
    if len(set(dates)) != len(dates):
        raise ValidationError("A date is listed twice.")


https_only = URLValidator(schemes=["https"], message="Enter an address that starts with https://.")


class Programme(models.Model):
    """What is offered: twelve weeks with a curriculum, a price, and how its mails behave."""

    name = models.CharField(max_length=120, help_text="For staff and the website.")
    public_name = models.CharField(
        max_length=60,
        default="12-week program",
        help_text="Shown by the payment processor and in mails: neutral, nothing clinical.",
    )
    slug = models.SlugField(unique=True)
    session_minutes = models.PositiveSmallIntegerField(
        default=60, validators=[MinValueValidator(60), MaxValueValidator(120)]
    )
    list_price_cents = models.PositiveIntegerField(default=29_900, help_text="For all 12 sessions.")
    currency = models.CharField(max_length=3, default="usd")
    default_capacity = models.PositiveSmallIntegerField(default=8)
    max_capacity = models.PositiveSmallIntegerField(default=10)
    link_lead_hours = models.PositiveSmallIntegerField(
        default=24, help_text="How long before a session its link mail goes out."
    )
    reminder_lead_minutes = models.PositiveSmallIntegerField(
        default=60, help_text="How long before a session the short reminder goes out; 0 for none."
    )
    offer_hours = models.PositiveSmallIntegerField(
        default=24,
        validators=[MinValueValidator(1)],
        help_text="How long a seat is kept for whoever is next on a waitlist; less near the start.",
    )
    door_opens_minutes = models.PositiveSmallIntegerField(
        default=15, help_text="How long before a session its door opens."
    )
    instalments = models.BooleanField(
        "three parts", default=True, help_text="Whether the price may be paid in three parts."
    )
    superbill_allowed = models.BooleanField(
        "superbills may be issued",
        default=False,
        help_text="Tick this only after a licensed clinician has decided that the service code "
        "for group sessions (CPT 90853) applies to this program. Members can then print "
        "a paper about the sessions they attended, for their insurer.",
    )

    def __str__(self) -> str:
        return self.name


class Module(models.TextChoices):
    """The four colours of the timeline."""

    MINDFULNESS = "mindfulness", "Mindfulness"
    DISTRESS_TOLERANCE = "distress-tolerance", "Distress tolerance"
    EMOTION_REGULATION = "emotion-regulation", "Emotion regulation"
    INTERPERSONAL = "interpersonal", "Interpersonal effectiveness"


class Area(models.TextChoices):
    """Areas of daily life in which a skill is practised: the occupations of the programme's
    occupational-therapy half."""

    SELF_CARE = "self-care", "Self-care"
    HOME = "home", "Home"
    WORK = "work", "Work and study"
    REST = "rest", "Rest and sleep"
    LEISURE = "leisure", "Leisure"
    PEOPLE = "people", "Being with people"


def validate_activities(value: object) -> None:
    """By area of life, lists of short texts: {"home": ["Make the bed"]}."""
    if not isinstance(value, dict) or set(value) - set(Area.values):
        raise ValidationError("List activities by area of life.")
    for texts in value.values():
        if not isinstance(texts, list) or not all(isinstance(one, str) and one for one in texts):
            raise ValidationError("Write each activity as a short text.")


# Letters of the sentence that explains a skill.
LONGEST_EXPLANATION = 200


def validate_explained(value: object) -> None:
    """By a skill's name, one short sentence: {"STOP": "Stop, and take one step back."}."""
    if not isinstance(value, dict):
        raise ValidationError("List explanations by the name of the skill.")
    for words in value.values():
        if not isinstance(words, str) or not 0 < len(words) <= LONGEST_EXPLANATION:
            raise ValidationError(
                f"Explain each skill in at most {LONGEST_EXPLANATION} characters."
            )


class Published(TypeError):
    """A published version is what groups are taught; changing it is an error in the program."""


class Curriculum(models.Model):
    """One version of what a programme's twelve weeks teach.

    It can be edited until it is published; a clinician's approval comes before that. Then it stays:
    the model and the database refuse (see the migration `published_stays`), but for the approval
    of a first version that never had one. `editions.py` has the way from draft to publication, and
    `teaching.py` which version a cohort follows.
    """

    TICK: ClassVar[tuple[str, ...]] = ("clinician", "approved_by", "approved_at")

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="curricula")
    version = models.PositiveSmallIntegerField()
    clinician = models.CharField(
        max_length=120,
        blank=True,
        help_text="Name and license of the clinician who read and approved this text.",
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who ticked that a clinician approves.",
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("version",)
        verbose_name_plural = "curricula"
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "version"], name="one_curriculum_per_version"
            ),
            models.UniqueConstraint(
                fields=["programme"],
                condition=models.Q(published_at=None),
                name="one_draft_curriculum_per_programme",
            ),
            # The first version is the text that every installation begins with.
            models.CheckConstraint(
                condition=models.Q(published_at=None)
                | models.Q(approved_at__isnull=False)
                | models.Q(version=1),
                name="a_clinician_approves_before_publication",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme}, version {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        ticks_only = set(kwargs.get("update_fields") or ["all"]) <= {*self.TICK}
        if not self._state.adding and not ticks_only:
            refuse_published(self.pk)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        refuse_published(self.pk)
        return super().delete(*args, **kwargs)

    @property
    def from_the_start(self) -> bool:
        """Published before there was a day on which somebody pressed."""
        return self.published_at == FROM_THE_START


def refuse_published(curriculum: int) -> None:
    if Curriculum.objects.filter(pk=curriculum, published_at__isnull=False).exists():
        raise Published("This version is published: a change is a new version.")


class CurriculumWeek(models.Model):
    """What one of a programme's twelve weeks teaches and where in the day it is practised."""

    curriculum = models.ForeignKey(Curriculum, models.CASCADE, related_name="weeks")
    number = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(WEEKS)]
    )
    module = models.CharField(max_length=24, choices=Module.choices)
    title = models.CharField(max_length=120)
    skills = models.JSONField(default=list, help_text="A list of short names.")
    explained = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_explained],
        help_text="What a skill is, in one plain sentence, by its name.",
    )
    activities = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_activities],
        help_text="Everyday activities to practise in, by area of life.",
    )

    class Meta:
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=["curriculum", "number"], name="one_text_per_week")
        ]

    def __str__(self) -> str:
        return f"Week {self.number}: {self.title}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        refuse_published(self.curriculum_id)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        refuse_published(self.curriculum_id)
        return super().delete(*args, **kwargs)

    @property
    def explained_skills(self) -> list[tuple[str, str]]:
        """Each skill, and what it is; empty where nobody has said so."""
        return [(skill, self.explained.get(skill, "")) for skill in self.skills]

    def activities_in(self, area: str) -> list[str]:
        found: list[str] = self.activities.get(area, [])
        return found

    @property
    def examples(self) -> list[str]:
        """One activity of each area that has some, in the areas' order."""
        return [texts[0] for area in Area.values if (texts := self.activities_in(area))]


class Cohort(models.Model):
    """One group that meets at a wall-clock time of its zone, twelve times."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        CLOSED = "closed", "Closed to new members"
        ARCHIVED = "archived", "Archived"

    class Admission(models.TextChoices):
        START_ONLY = "start", "At week 1 only"
        MODULE_STARTS = "modules", "At weeks 1, 5 and 9"

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="cohorts")
    name = models.CharField(max_length=80, help_text="For example “Tuesday evenings”.")
    slug = models.SlugField(unique=True, max_length=80)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DRAFT)
    admission = models.CharField(
        max_length=16, choices=Admission.choices, default=Admission.START_ONLY
    )
    first_date = models.DateField(
        help_text="The first session; its weekday is the group's. Once somebody has a seat, dates "
        "change under “Change the dates” on the group's page, which tells the members."
    )
    wall_time = models.TimeField(help_text="The time on the clock in the group's zone.")
    time_zone = models.CharField(max_length=64, validators=[validate_time_zone])
    duration_minutes = models.PositiveSmallIntegerField(
        default=60, validators=[MinValueValidator(60), MaxValueValidator(120)]
    )
    skipped_dates = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_dates],
        help_text="Meeting days without a session, as YYYY-MM-DD; the end moves, it stays 12.",
    )
    capacity = models.PositiveSmallIntegerField(default=8, validators=[MinValueValidator(1)])
    price_cents = models.PositiveIntegerField(default=29_900, help_text="For all 12 sessions.")
    currency = models.CharField(max_length=3, default="usd")
    admitted_states = models.JSONField(
        validators=[validate_us_states],
        help_text="Two-letter codes of the states where the facilitators are licensed.",
    )
    facilitators = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="cohorts_led", blank=True
    )
    version = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="How often the group was changed after it was published.",
    )
    joinable_until = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Start of the last session at which one may join; written with the sessions.",
    )
    meeting_url = models.URLField(
        "meeting link",
        blank=True,
        validators=[https_only],
        help_text="The same room each week, for example your own video account. Leave empty: "
        "each session then gets a new room that nobody can know beforehand.",
    )

    STARTING_WEEKS: ClassVar[dict[str, tuple[int, ...]]] = {
        Admission.START_ONLY: (1,),
        Admission.MODULE_STARTS: (1, 5, 9),
    }

    class Meta:
        # The public list asks for published cohorts that can still be joined, however many
        # have ended.
        indexes = [models.Index(fields=["status", "joinable_until"])]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("enrollment:cohort", args=[self.slug])

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def starting_weeks(self) -> tuple[int, ...]:
        """The weeks at which a member may join."""
        return self.STARTING_WEEKS[self.admission]

    def clean(self) -> None:
        """Refuse a schedule that cannot be kept, with a message at the field that is wrong."""
        super().clean()
        if self.programme_id and self.capacity and self.capacity > self.programme.max_capacity:
            raise ValidationError(
                {"capacity": f"This program seats at most {self.programme.max_capacity}."}
            )
        # None after its own field refused what was typed, whatever the stubs say.
        first_date = cast("dt.date | None", self.first_date)
        if first_date is None or not self._dates_are_readable():
            return
        if first_date.year not in PLAUSIBLE_YEARS:
            raise ValidationError({"first_date": "Check the year of the first date."})
        try:
            schedule.meeting_dates(first_date, self.skipped())
        except schedule.ImpossibleSchedule as error:
            raise ValidationError({"skipped_dates": str(error)}) from None

    def _dates_are_readable(self) -> bool:
        """Whether `skipped_dates` passed its own validator, which reports what is wrong."""
        try:
            validate_dates(self.skipped_dates)
        except ValidationError:
            return False
        return True

    def skipped(self) -> set[dt.date]:
        return {dt.date.fromisoformat(day) for day in self.skipped_dates}


class GroupSession(models.Model):
    """One meeting. Its instants are derived from the cohort's clock by `schedule.py`."""

    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="group_sessions")
    number = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(WEEKS)]
    )
    starts_at = models.DateTimeField(db_index=True)
    ends_at = models.DateTimeField()
    # A room of its own: whoever has left the group knows last week's and not the next.
    room = models.CharField(max_length=60, unique=True, default=random_room, editable=False)
    meeting_url = models.URLField(
        "meeting link", blank=True, validators=[https_only], help_text="For this session only."
    )
    sequence = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="How often its calendar entry changed (SEQUENCE in RFC 5545).",
    )
    # The row and its number stay: nobody enters, nobody is told to come, nobody missed it.
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("starts_at",)
        constraints = [
            models.UniqueConstraint(fields=["cohort", "number"], name="one_session_per_week"),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                name="session_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cohort} {self.number}/{WEEKS}"

    @property
    def joining_url(self) -> str:
        """Where the meeting is. Never leaves the door: not in a mail, not in a calendar file."""
        return (
            self.meeting_url
            or self.cohort.meeting_url
            or f"{settings.MEETING_BASE_URL}/{self.room}"
        )


class Booking(models.Model):
    """That a leader, or a meeting link, is taken while one session lasts.

    The database refuses two at once: see the migration `bookings`. `bookings.py` writes them.
    """

    session = models.ForeignKey(GroupSession, models.CASCADE, related_name="bookings")
    leader = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="bookings"
    )
    link_key = models.BigIntegerField(null=True, help_text="A number made from the meeting link.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(leader=None, link_key__isnull=False)
                | models.Q(leader__isnull=False, link_key=None),
                name="a_booking_is_of_a_leader_or_a_link",
            )
        ]

    def __str__(self) -> str:
        return f"{self.leader_id or self.link_key} from {self.starts_at:%Y-%m-%d %H:%M}"


class Substitution(models.Model):
    """That somebody leads one session in the place of one of its cohort's facilitators.

    Who leads which session is said by `leading.py`. The row of a session that is over stays.
    """

    session = models.ForeignKey(GroupSession, models.CASCADE, related_name="substitutions")
    absent = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    substitute = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="substitutions"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session", "absent"], name="one_substitute_for_each_absent_leader"
            ),
            models.UniqueConstraint(
                fields=["session", "substitute"], name="nobody_stands_in_for_two_at_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(absent=models.F("substitute")),
                name="nobody_stands_in_for_themselves",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.substitute} for {self.absent}, {self.session}"


class CohortChange(models.Model):
    """History: one change of a published cohort, by whom and why. Never edited."""

    class Kind(models.TextChoices):
        MOVE = "move", "One session moved"
        REPLACE = "replace", "One session cancelled, with another week at the end"
        CANCEL = "cancel", "One session cancelled"
        SHIFT = "shift", "All sessions from one on moved"
        END = "end", "The group is not held any more"
        SUBSTITUTE = "substitute", "Who leads one session changed"
        LEADERS = "leaders", "Who leads the group changed"
        LINK = "link", "The meeting link of the group changed"
        SESSION_LINK = "session-link", "The meeting link of one session changed"

    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="changes")
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    number = models.PositiveSmallIntegerField(help_text="The week that it began with.")
    reason = models.CharField(max_length=200, blank=True, help_text="For staff; never mailed.")
    # Dates: [{"number": 5, "before": instant, "after": instant, or null when cancelled}, …]
    # A substitute: [{"number": 7, "absent": person, "before": person or null, "after": …}]
    # Leaders: [{"number": 0, "before": [people], "after": [people]}, and the substitutes that
    # ended with it]. A link: []; where a group meets stands in no history.
    details = models.JSONField()

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, week {self.number}"
