"""People and groups to measure with, made as the application makes them, many at a time.

Only what a person would have done long before the moment that is measured is written
directly: the account, the sign-in, the answers to the intake questions.
"""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.middleware import SEEN_ON
from accounts.models import User
from bench.client import form, get, post
from bench.parts import SITE_URL
from enrollment import agreements, opening
from enrollment.intake import Answers
from enrollment.models import Intake
from sessions.models import Cohort, Programme

CSRF_SECRET = "c" * 32
BATCH = 2000
_ANSWERS = Answers(
    legal_name="Samira Ruth Okafor",
    date_of_birth=dt.date(1991, 3, 28),
    state="NY",
    phone="212 555 0134",
    voicemail_ok=False,
    emergency_name="Noor Okafor",
    emergency_relation="sister",
    emergency_phone="212 555 0177",
    has_therapist=False,
)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody signed in, as their browser is known."""

    id: int
    email: str
    session: str

    @property
    def _headers(self) -> dict[str, str]:
        return {
            "Cookie": f"sessionid={self.session}; csrftoken={CSRF_SECRET}",
            "X-CSRFToken": CSRF_SECRET,
            "Origin": SITE_URL,
        }

    def reserve(self, slug: str) -> bytes:
        """Pressing "reserve": every agreement ticked."""
        ticked = {agreement.kind: "on" for agreement in agreements.CURRENT}
        return form(f"/groups/{slug}/reserve/agreements/", ticked, headers=self._headers)

    def press(self, path: str) -> bytes:
        """A button without fields."""
        return post(path, headers=self._headers)

    def open(self, path: str) -> bytes:
        """A page."""
        asked = get(path)
        return asked[:-2] + f"Cookie: {self._headers['Cookie']}\r\n\r\n".encode()


def sign_in(count: int, *, prefix: str = "buyer") -> list[Member]:
    """So many new members with an intake, each signed in."""
    members: list[Member] = []
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        members += _sign_in([f"{prefix}-{number}@example.org" for number in numbers])
    return members


def _sign_in(emails: Sequence[str]) -> list[Member]:
    now = timezone.now()
    people = User.objects.bulk_create(
        [
            User(email=email, display_name="Sam", password="!" + secrets.token_urlsafe(20))
            for email in emails
        ]
    )
    Intake.objects.bulk_create(
        Intake(member=person, answers=_ANSWERS.dump(), updated_at=now) for person in people
    )
    rows = [
        Session(
            session_key=secrets.token_hex(16),
            session_data=SessionStore().encode(
                {
                    SESSION_KEY: str(person.pk),
                    BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                    HASH_SESSION_KEY: person.get_session_auth_hash(),
                    SEEN_ON: now.date().isoformat(),  # they have just read the agreements
                }
            ),
            expire_date=now + dt.timedelta(days=14),
        )
        for person in people
    ]
    Session.objects.bulk_create(rows)
    return [
        Member(person.pk, person.email, row.session_key)
        for person, row in zip(people, rows, strict=True)
    ]


def open_groups(
    count: int, *, prefix: str = "group", capacity: int = 8, in_days: int = 10
) -> list[Cohort]:
    """So many published groups with free seats, which begin from `in_days` on."""
    programme = Programme.objects.get()
    today = timezone.now().date()
    groups = []
    for number in range(count):
        cohort = Cohort.objects.create(
            programme=programme,
            name=f"Group {prefix} {number}",
            slug=f"{prefix}-{number}",
            first_date=today + dt.timedelta(days=in_days + number % 20),
            wall_time=dt.time(9 + number % 11),
            time_zone=("America/New_York", "America/Los_Angeles")[number % 2],
            capacity=capacity,
            admitted_states=["NY", "CA"],
        )
        # Groups overlap, and nobody leads two sessions at once.
        leader, _ = User.objects.get_or_create(
            email=f"leader-{prefix}-{number}@example.org",
            defaults={"display_name": "Dana Whitfield"},
        )
        cohort.facilitators.add(leader)
        opening.open_enrollment(cohort=cohort)
        groups.append(cohort)
    return groups


def archive(groups: Sequence[Cohort]) -> None:
    """Take groups off the public list, so that each round begins with the same one."""
    Cohort.objects.filter(pk__in=[group.pk for group in groups]).update(
        status=Cohort.Status.ARCHIVED
    )
