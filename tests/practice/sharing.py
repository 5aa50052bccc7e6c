"""Consents, plans and goals of invented people, made the way the application makes them."""

import datetime as dt
import uuid
from typing import Any

from django.test import Client

from accounts.models import Action, AuditEntry, Role, User
from enrollment.models import Enrollment
from practice import consent, proposals, sharing
from practice.goals import Aim
from practice.models import DiaryEntry, Goal, Part, PractitionerRole, Proposal, Share, WeekPlan
from practice.own import own_practice
from practice.proposals import Words
from practice.sharing import Choice, Signature
from tests.accounts.people import sign_in_with_factor
from tests.enrollment.builders import a_member
from tests.practice import lived
from tests.practice.builders import IN_WEEK_2

ALL = tuple(Part.values)
PLAN = {
    "skill": "STOP",
    "activity": "Open the post",
    "area": "home",
    "when": "Tuesday at the table",
    "tool": "A timer",
    "sure": 6,
}


def a_practitioner(email: str = "", **fields: Any) -> User:
    return a_member(email, **{"role": Role.PRACTITIONER, **fields})


def let_in(person: User) -> Client:
    """With their second factor."""
    client = Client()
    sign_in_with_factor(client, person)
    return client


def a_choice(email: str = "sam@clinic.example", **fields: Any) -> Choice:
    return Choice(
        **{
            "name": "Sam Ortiz",
            "email": email,
            "role": PractitionerRole.OCCUPATIONAL_THERAPIST,
            "parts": list(ALL),
            "until": dt.date(2027, 1, 31),
            **fields,
        }
    )


def a_signature(**fields: Any) -> Signature:
    return Signature(
        **{
            "key": uuid.uuid4(),
            "name": "Robin Lee",
            "terms_version": consent.CURRENT.version,
            **fields,
        }
    )


def a_share(
    enrollment: Enrollment, *, to: User | None = None, now: dt.datetime = IN_WEEK_2, **choice: Any
) -> Share:
    """Signed with an existing person, or with whoever the choice names."""
    if to is not None:
        choice["email"] = to.email
    return sharing.sign(
        enrollment=enrollment, choice=a_choice(**choice), signature=a_signature(), now=now
    )


def a_plan(
    enrollment: Enrollment, week: int = 2, now: dt.datetime = IN_WEEK_2, **chosen: Any
) -> WeekPlan:
    return lived.a_plan(enrollment, week, now=now, **{**PLAN, **chosen})


def a_card(enrollment: Enrollment, day: dt.date, **noted: Any) -> DiaryEntry:
    card = {"before": 8, "note": "A secret note", **noted}
    return lived.a_card(enrollment, day, now=IN_WEEK_2, **card)


def a_goal(enrollment: Enrollment) -> Goal:
    aim = Aim(title="Cook at home", levels=("Never", "Once", "Twice", "Three times", "Daily"))
    return lived.a_goal(enrollment, aim, now=IN_WEEK_2)


def a_proposal(
    share: Share,
    *,
    kind: str = Proposal.Kind.ADAPTATION,
    week: int = 2,
    now: dt.datetime = IN_WEEK_2,
    **words: Any,
) -> Proposal:
    given: dict[str, Any] = {"text": "Sit on a stool", "way": "task", **words}
    enrollment = share.enrollment
    return proposals.propose(
        public_id=share.public_id,
        reader=share.practitioner,
        key=uuid.uuid4(),
        week=week,
        kind=Proposal.Kind(kind),
        words=Words(**given),
        practice=own_practice(member=enrollment.member, public_id=enrollment.public_id, now=now),
        now=now,
    )


def looks(action: Action, subject: object) -> int:
    return AuditEntry.objects.filter(action=action, subject_id=str(subject)).count()
