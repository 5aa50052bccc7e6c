"""The raw claim: its tables, its statement, and seats to claim."""

import psycopg

from bench.client import Answer, post
from bench.rounds import WrongResult

TABLES = """
CREATE TABLE raw_row (id bigint PRIMARY KEY, words text NOT NULL);
INSERT INTO raw_row SELECT n, 'row ' || n FROM generate_series(1, 100) AS n;
CREATE TABLE raw_seat (id bigserial PRIMARY KEY, club bigint NOT NULL, buyer bigint);
CREATE INDEX raw_seat_free ON raw_seat (club) WHERE buyer IS NULL;
CREATE TABLE raw_order (
    id bigserial PRIMARY KEY, club bigint NOT NULL, buyer bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(), UNIQUE (club, buyer)
);
"""
CLAIM = """
UPDATE raw_seat SET buyer = %s WHERE buyer IS NULL AND id = (
    SELECT id FROM raw_seat WHERE club = %s AND buyer IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED
)
"""


def open_clubs(database: "psycopg.Connection[tuple[int, ...]]", clubs: range, seats: int) -> None:
    """Seats to claim in each of the clubs."""
    database.execute(
        "INSERT INTO raw_seat (club) SELECT club FROM generate_series(%s::bigint, %s) AS club, "
        "generate_series(1, %s)",
        [clubs.start, clubs.stop - 1, seats],
    )


def request(club: int, buyer: int) -> bytes:
    return post(f"/claim/?club={club}&buyer={buyer}")


def check_sold(
    database: "psycopg.Connection[tuple[int, ...]]", clubs: range, expected: int
) -> None:
    """Raises WrongResult unless so many seats were sold, each with its order."""
    for table in ("raw_order", "raw_seat"):
        row = database.execute(
            f"SELECT count(*) FROM {table} WHERE club >= %s AND club < %s "  # noqa: S608  our names
            "AND buyer IS NOT NULL",
            [clubs.start, clubs.stop],
        ).fetchone()
        if row is None or row[0] != expected:
            raise WrongResult(f"{table} has {row} rows, not {expected}.")


def check_won(answer: Answer) -> None:
    if answer.status != 200:
        raise WrongResult(f"The raw claim answered {answer.status}.")
