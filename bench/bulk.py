"""Groups and members by the million: copies, made by the database, of rows that we wrote.

One member goes the whole way through the application's own services. The copies differ where
they must: in their keys, their names and their times. So a new column needs no word here, and
every table grows that would have grown.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from accounts.models import User
from bench import people
from billing.models import CheckoutAttempt, Payment, StripeEvent
from enrollment import links, services
from enrollment.models import Enrollment
from outbox.models import Message, State

Database = psycopg.Connection[tuple[Any, ...]]
SEATS = 8
_MEMBERS = "generate_series(1, %(members)s) AS n"
_GROUPS = "generate_series(1, %(groups)s) AS n"
_NUMBERED = {
    "person": "accounts_user",
    "group": "group_sessions_cohort",
    "session": "group_sessions_groupsession",
    "enrollment": "enrollment_enrollment",
    "seat": "enrollment_seat",
    "attempt": "billing_checkoutattempt",
    "payment": "billing_payment",
}


def write_model(*, now: dt.datetime) -> Enrollment:
    """The enrolment to copy: reserved, paid, confirmed and mailed, by the application's rules."""
    (buyer,) = people.sign_in(1, prefix="model")
    (group,) = people.open_groups(1, prefix="model")
    enrollment = services.reserve_seat(
        cohort=group, member=User.objects.get(pk=buyer.id), now=now, ip="203.0.113.7"
    )
    attempt = CheckoutAttempt.objects.create(
        enrollment=enrollment,
        status=CheckoutAttempt.Status.PAID,
        amount_cents=enrollment.price_cents,
        currency=enrollment.currency,
        params={"mode": "payment", "client_reference_id": "0" * 36},
        stripe_session_id="cs_model",
        created_at=now,
        expires_at=now + dt.timedelta(minutes=31),
    )
    Payment.objects.create(
        attempt=attempt,
        enrollment=enrollment,
        amount_cents=enrollment.price_cents,
        currency=enrollment.currency,
        stripe_payment_intent_id="pi_model",
        paid_at=now,
    )
    services.confirm_seat(enrollment_id=enrollment.pk, now=now, reason="Paid")
    StripeEvent.objects.create(
        event_id="evt_model",
        type="checkout.session.completed",
        payload={"data": {"object": {"id": "cs_model", "padding": "x" * 1500}}},
        status=StripeEvent.Status.APPLIED,
        received_at=now,
        applied_at=now,
    )
    for week in (1, 2):
        Message.objects.create(
            kind=links.SESSION_LINK,
            recipient_id=buyer.id,
            subject_id=enrollment.pk,
            occasion_id=week,
            next_try_at=now,
            created_at=now,
        )
    Message.objects.update(state=State.SENT, sent_at=now, attempts=1)
    people.archive([group])
    return enrollment


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """`members` confirmed members in groups of eight; `first` is SQL for a group's first start.

    In `first`, and in each changed column, `n` is the number from 1 on and `t` the model row.
    Some past groups are archived, most are not. `changes` are more columns to change, by table,
    and `also` copies what else a past life leaves behind.
    """

    prefix: str
    members: int
    first: str
    model: Enrollment
    changes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    also: Callable[["Copier"], None] | None = None

    def write(self, database: Database, *, lived_through: bool = False) -> None:
        """Insert everything; foreign keys are right by construction and not checked.

        `lived_through` adds what happened to each: history, consents, money, mails.
        """
        if not self.members:
            return
        with database.transaction():
            database.execute("SET LOCAL session_replication_role = replica")
            copier = Copier(database, self.members, self.changes)
            self._write_groups(copier)
            self._write_members(copier)
            if lived_through:
                self._write_past(copier)
            if self.also:
                self.also(copier)
            copier.end()

    def _write_groups(self, copier: "Copier") -> None:
        cohort = self.model.cohort_id
        start = f"({self.first})"
        copier.copy(
            "group_sessions_cohort", f"t.id = {cohort}", _GROUPS,
            id="%(group)s + n",
            slug=f"'{self.prefix}-' || n",
            status="CASE WHEN n %% 5 = 0 THEN 'archived' ELSE 'published' END",
            first_date=f"{start}::date",
            joinable_until=start,
        )  # fmt: skip
        week = f"{start} + (t.number - 1) * interval '7 days'"
        copier.copy(
            "group_sessions_groupsession", f"t.cohort_id = {cohort}", _GROUPS,
            id="%(session)s + (n - 1) * 12 + t.number",
            cohort_id="%(group)s + n",
            starts_at=week,
            ends_at=f"{week} + interval '1 hour'",
            room=f"'g-{self.prefix}-' || n || '-' || t.number",
        )  # fmt: skip

    def _write_members(self, copier: "Copier") -> None:
        own = f"t.id = {self.model.pk}"
        group = f"%(group)s + (n + {SEATS - 1}) / {SEATS}"
        copier.copy(
            "accounts_user", f"t.id = {self.model.member_id}", _MEMBERS,
            id="%(person)s + n",
            email=f"'{self.prefix}-' || n || '@example.org'",
        )  # fmt: skip
        copier.copy(
            "enrollment_enrollment", own, _MEMBERS,
            id="%(enrollment)s + n",
            public_id="gen_random_uuid()",
            door_token=f"md5('{self.prefix}' || n)",
            member_id="%(person)s + n",
            cohort_id=group,
        )  # fmt: skip
        copier.copy(
            "enrollment_seat", f"t.enrollment_id = {self.model.pk}", _MEMBERS,
            id="%(seat)s + n",
            cohort_id=group,
            number=f"(n + {SEATS - 1}) %% {SEATS} + 1",
            enrollment_id="%(enrollment)s + n",
        )  # fmt: skip

    def _write_past(self, copier: "Copier") -> None:
        enrolled = {"enrollment_id": "%(enrollment)s + n"}
        person = {"member_id": "%(person)s + n"}
        of_ours = f"t.enrollment_id = {self.model.pk}"
        member = self.model.member_id
        copier.copy("enrollment_intake", f"t.member_id = {member}", _MEMBERS, **person)
        copier.copy("enrollment_enrollmentmove", of_ours, _MEMBERS, **enrolled)
        copier.copy("enrollment_consent", of_ours, _MEMBERS, **enrolled)
        copier.copy(
            "billing_checkoutattempt", of_ours, _MEMBERS, **enrolled,
            id="%(attempt)s + n",
            uuid="gen_random_uuid()",
            stripe_session_id=f"'cs_{self.prefix}_' || n",
        )  # fmt: skip
        copier.copy(
            "billing_payment", of_ours, _MEMBERS, **enrolled,
            id="%(payment)s + n",
            attempt_id="%(attempt)s + n",
            stripe_payment_intent_id=f"'pi_{self.prefix}_' || n",
        )  # fmt: skip
        copier.copy(
            "billing_stripeevent", "t.event_id = 'evt_model'", _MEMBERS,
            event_id=f"'evt_{self.prefix}_' || n",
        )  # fmt: skip
        copier.copy(
            "outbox_message", f"t.recipient_id = {member}", _MEMBERS,
            recipient_id="%(person)s + n",
            subject_id="%(enrollment)s + n",
        )  # fmt: skip


class Copier:
    """Copies model rows, numbered on from the last row that each table has."""

    def __init__(
        self,
        database: Database,
        members: int,
        changes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._database = database
        self._changes = changes or {}
        self._values = {
            **{name: self._last(table) for name, table in _NUMBERED.items()},
            "members": members,
            "groups": -(-members // SEATS),
        }

    def copy(self, table: str, model: str, numbers: str, **changes: str) -> None:
        """Insert a copy of a table's model rows for each number, with some columns changed."""
        empty = self._database.execute(f"SELECT * FROM {table} LIMIT 0".encode())  # noqa: S608
        columns = [column.name for column in empty.description or ()]
        changes = {**changes, **self._changes.get(table, {})}
        if "id" not in changes:
            columns.remove("id")  # the sequence gives it
        values = ", ".join(changes.get(name, f't."{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        sql = (
            f"INSERT INTO {table} ({names}) SELECT {values} "  # noqa: S608  our own names
            f"FROM {numbers}, {table} AS t WHERE {model}"
        )
        self._database.execute(sql.encode(), self._values)

    def end(self) -> None:
        """Let the sequences go on after what was numbered here."""
        for table in _NUMBERED.values():
            self._database.execute(
                "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, self._last(table)]
            )

    def _last(self, table: str) -> int:
        row = self._database.execute(f"SELECT max(id) FROM {table}".encode()).fetchone()  # noqa: S608
        assert row is not None
        return int(row[0])


def due_in(*, now: dt.datetime, hours: int) -> str:
    """SQL for a first start such that the fourth session starts so many hours from now."""
    first = now + dt.timedelta(hours=hours) - dt.timedelta(weeks=3)
    return f"'{first.isoformat()}'::timestamptz"


def long_ago(*, now: dt.datetime) -> str:
    """SQL for first starts over some years, the last of which ended a week ago."""
    last = now - dt.timedelta(weeks=13)
    return f"'{last.isoformat()}'::timestamptz - (n %% 1500) * interval '1 day'"
