"""Groups and members by the million, written by the database itself.

A group of eight is at most four rows of arithmetic: its calendar, seats and enrolments follow
from its number. What the application would have written too (history, money, mails) comes
with `lived_through`, so that every table has grown.
"""

import datetime as dt
from dataclasses import dataclass

import psycopg

Database = psycopg.Connection[tuple[int, ...]]
SEATS = 8

_PEOPLE = """
INSERT INTO accounts_user (id, password, email, display_name, time_zone, role, is_active,
                           date_joined)
SELECT %(person)s + n, '!', '{prefix}-' || n || '@example.org', 'Sam', 'America/New_York',
       'member', true, %(now)s
FROM generate_series(1, %(members)s) AS n
"""
_GROUPS = """
INSERT INTO group_sessions_cohort (id, programme_id, name, slug, status, admission, first_date,
    wall_time, time_zone, duration_minutes, skipped_dates, capacity, price_cents, currency,
    admitted_states, joinable_until, room, meeting_url)
SELECT %(group)s + n, (SELECT min(id) FROM group_sessions_programme), 'Group ' || n,
       '{prefix}-' || n, CASE WHEN n %% 5 = 0 THEN 'archived' ELSE 'published' END, 'start',
       ({first})::date, '18:00', 'America/New_York', 60, '[]', 8, 29900, 'usd',
       '["NY", "CA"]', {first}, 'g-{prefix}-' || n, ''
FROM generate_series(1, %(groups)s) AS n
"""
_SESSIONS = """
INSERT INTO group_sessions_groupsession (id, cohort_id, number, starts_at, ends_at, meeting_url)
SELECT %(session)s + (n - 1) * 12 + week, %(group)s + n, week,
       ({first}) + (week - 1) * interval '7 days',
       ({first}) + (week - 1) * interval '7 days' + interval '1 hour', ''
FROM generate_series(1, %(groups)s) AS n, generate_series(1, 12) AS week
"""
_ENROLLMENTS = """
INSERT INTO enrollment_enrollment (id, public_id, member_id, cohort_id, status, first_week,
    price_cents, currency, door_token, reserved_at, held_until, confirmed_at)
SELECT %(enrollment)s + n, gen_random_uuid(), %(person)s + n, %(group)s + (n + 7) / 8, 'active',
       1, 29900, 'usd', '{prefix}-' || md5(n::text), %(now)s, NULL, %(now)s
FROM generate_series(1, %(members)s) AS n
"""
_SEATS = """
INSERT INTO enrollment_seat (id, cohort_id, number, enrollment_id)
SELECT %(seat)s + n, %(group)s + (n + 7) / 8, (n + 7) %% 8 + 1, %(enrollment)s + n
FROM generate_series(1, %(members)s) AS n
"""
_INTAKES = """
INSERT INTO enrollment_intake (member_id, answers, updated_at)
SELECT %(person)s + n, repeat('x', 600), %(now)s FROM generate_series(1, %(members)s) AS n
"""
_MOVES = """
INSERT INTO enrollment_enrollmentmove (enrollment_id, source, target, at, reason)
SELECT %(enrollment)s + n, source, target, %(now)s, 'Paid'
FROM generate_series(1, %(members)s) AS n,
     (VALUES ('', 'held'), ('held', 'active')) AS move (source, target)
"""
_CONSENTS = """
INSERT INTO enrollment_consent (enrollment_id, kind, version, accepted_at)
SELECT %(enrollment)s + n, kind, '2026-11', %(now)s
FROM generate_series(1, %(members)s) AS n, (VALUES ('telehealth'), ('refunds')) AS text (kind)
"""
_ATTEMPTS = """
INSERT INTO billing_checkoutattempt (id, uuid, enrollment_id, status, amount_cents, currency,
    params, stripe_session_id, checkout_url, created_at, expires_at, note)
SELECT %(attempt)s + n, gen_random_uuid(), %(enrollment)s + n, 'paid', 29900, 'usd',
       '{{"mode": "payment"}}', 'cs_{prefix}_' || n, '', %(now)s, %(now)s, ''
FROM generate_series(1, %(members)s) AS n
"""
_PAYMENTS = """
INSERT INTO billing_payment (attempt_id, enrollment_id, amount_cents, refund_reserved_cents,
    currency, stripe_payment_intent_id, paid_at)
SELECT %(attempt)s + n, %(enrollment)s + n, 29900, 0, 'usd', 'pi_{prefix}_' || n, %(now)s
FROM generate_series(1, %(members)s) AS n
"""
_EVENTS = """
INSERT INTO billing_stripeevent (event_id, type, payload, status, received_at, applied_at,
    attempts, note)
SELECT 'evt_{prefix}_' || n, 'checkout.session.completed', '{{"data": {{"object": {{}}}}}}',
       'applied', %(now)s, %(now)s, 1, ''
FROM generate_series(1, %(members)s) AS n
"""
_MAILS = """
INSERT INTO outbox_message (kind, recipient_id, subject_id, occasion_id, state, attempts,
    next_try_at, last_error, reason, created_at, sent_at)
SELECT kind, %(person)s + n, %(enrollment)s + n, occasion, 'sent', 1, %(now)s, '', '', %(now)s,
       %(now)s
FROM generate_series(1, %(members)s) AS n,
     (VALUES ('seat-confirmed', 0), ('session-link', 1), ('session-link', 2))
     AS mail (kind, occasion)
"""
_NUMBERED = {
    "person": "accounts_user",
    "group": "group_sessions_cohort",
    "session": "group_sessions_groupsession",
    "enrollment": "enrollment_enrollment",
    "seat": "enrollment_seat",
    "attempt": "billing_checkoutattempt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """`members` confirmed members in groups of eight; `first` is SQL for a group's first start.

    In `first`, `n` is the group's number from 1 on.
    """

    prefix: str
    members: int
    first: str

    def write(self, database: Database, *, now: dt.datetime, lived_through: bool = False) -> None:
        """Insert everything; foreign keys are right by construction and not checked."""
        if not self.members:
            return
        statements = [_PEOPLE, _GROUPS, _SESSIONS, _ENROLLMENTS, _SEATS]
        if lived_through:
            statements += [_INTAKES, _MOVES, _CONSENTS, _ATTEMPTS, _PAYMENTS, _EVENTS, _MAILS]
        values = {
            **{name: _last(database, table) for name, table in _NUMBERED.items()},
            "members": self.members,
            "groups": -(-self.members // SEATS),
            "now": now,
        }
        with database.transaction():
            database.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                sql = statement.format(prefix=self.prefix, first=self.first)
                database.execute(sql.encode(), values)
            for table in _NUMBERED.values():
                database.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)",
                    [table, max(_last(database, table), 1)],
                )


def _last(database: Database, table: str) -> int:
    row = database.execute(
        f"SELECT coalesce(max(id), 0) FROM {table}"  # noqa: S608  our own names
    ).fetchone()
    assert row is not None
    return row[0]


def due_in(*, now: dt.datetime, hours: int) -> str:
    """SQL for a first start such that the fourth session starts so many hours from now."""
    first = now + dt.timedelta(hours=hours) - dt.timedelta(weeks=3)
    return f"'{first.isoformat()}'::timestamptz"


def long_ago(*, now: dt.datetime) -> str:
    """SQL for first starts over some years, the last of which ended a week ago."""
    last = now - dt.timedelta(weeks=13)
    return f"'{last.isoformat()}'::timestamptz - (n %% 1500) * interval '1 day'"
