"""The people of the demo data, who all sign in with one password."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.hashers import make_password

from accounts.encryption import encrypt
from accounts.models import Role, User
from enrollment.intake import Answers
from enrollment.models import Intake

PASSWORD = "grouport-demo"
DOMAIN = "demo.example"


def address(name: str) -> str:
    return f"{name.lower()}@{DOMAIN}"


ADMIN, DANA, LUIS, MEI = map(address, ("admin", "dana", "luis", "mei"))
NOOR = address("noor")
ORA = address("ora")
SAM, KIM, ALEX = map(address, ("sam", "kim", "alex"))

LOGINS: list[tuple[str, str, str]] = [
    ("Admin", ADMIN, PASSWORD),
    ("Billing admin", NOOR, PASSWORD),
    ("Facilitator, may plan", DANA, PASSWORD),
    ("Facilitator", LUIS, PASSWORD),
    ("Facilitator", MEI, PASSWORD),
    ("Occupational therapist", ORA, PASSWORD),
    ("Member, in session", SAM, PASSWORD),
    ("Member, tomorrow", KIM, PASSWORD),
    ("Member, no group", ALEX, PASSWORD),
]

# Their second factor: an app knows this key, and the Codes page says what it would show.
WITH_FACTOR = (ADMIN, NOOR, ORA)
SECRET = "GROUPORTDEMOSECRETGROUPORTDEMO22"


class Member(NamedTuple):
    name: str
    zone: str
    state: str


def store_people(*, members: Sequence[Member], now: dt.datetime) -> dict[str, User]:
    """Everybody by address: each with a confirmed one, the members with their intake filled in.

    Whoever is there already stays as they are.
    """
    wanted = {
        ADMIN: User(display_name="Robin Ellis", role=Role.ADMIN),
        NOOR: User(display_name="Noor Haddad", role=Role.BILLING),
        DANA: User(display_name="Dana Reyes, LCSW", role=Role.FACILITATOR, may_plan=True),
        LUIS: User(display_name="Luis Ortega, LMFT", role=Role.FACILITATOR),
        MEI: User(display_name="Mei Tanaka, PsyD", role=Role.FACILITATOR),
        ORA: User(display_name="Ora Lindqvist, OT", role=Role.PRACTITIONER),
        ALEX: User(display_name="Alex"),
    }
    wanted |= {
        address(member.name): User(display_name=member.name, time_zone=member.zone)
        for member in members
    }
    known = User.objects.filter(email__in=wanted)
    if missing := wanted.keys() - set(known.values_list("email", flat=True)):
        _store({email: person for email, person in wanted.items() if email in missing})
    people = {person.email: person for person in known.all()}
    for email in WITH_FACTOR:
        Authenticator.objects.get_or_create(
            user=people[email],
            type=Authenticator.Type.TOTP,
            defaults={"data": {"secret": encrypt(SECRET)}},
        )
        RecoveryCodes.activate(people[email])
    Intake.objects.bulk_create(
        [
            Intake(
                member=people[address(member.name)],
                answers=_answers(member, number).dump(),
                updated_at=now,
            )
            for number, member in enumerate(members)
        ],
        ignore_conflicts=True,
    )
    return people


def _store(people: dict[str, User]) -> None:
    password = make_password(PASSWORD)  # one hash for all: hashing is slow on purpose
    for email, person in people.items():
        person.email = email
        person.password = password
    EmailAddress.objects.bulk_create(
        EmailAddress(user=person, email=person.email, verified=True, primary=True)
        for person in User.objects.bulk_create(people.values())
    )


def _answers(member: Member, number: int) -> Answers:
    return Answers(
        legal_name=f"{member.name} Demo",
        date_of_birth=dt.date(1990, 1, 1) + dt.timedelta(days=97 * number),
        state=member.state,
        phone=f"555-555-01{number:02}",
        voicemail_ok=True,
        emergency_name="Chris Demo",
        emergency_relation="Friend",
        emergency_phone="555-555-0199",
        has_therapist=number % 2 == 0,
    )
