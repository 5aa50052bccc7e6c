"""Taking turns: what two transactions must not do at the same moment, each does alone."""

from django.db import connection

# PostgreSQL's advisory locks are numbers: these are ours, one for each kind of turn.
BOOKINGS = 4_112_012
AUDIT_LOG = 4_112_013
WAITLISTS = 4_112_014  # one turn for each group: `of_group`


def of_group(number: int, cohort_id: int) -> int:
    """The number of a turn that each group has for itself."""
    return (number << 32) + cohort_id


def take_turn(number: int) -> None:
    """Wait until nobody else has this turn, and keep it until the transaction ends.

    On SQLite it does nothing: there only one writes at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
