"""The numbers: sums of the ledger by month, seats by group, who waits, and their plots."""

import datetime as dt
import html
import re
import zoneinfo
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.plots import COLOURS
from billing import ledger, numbers, plots
from billing.models import LedgerEntry
from billing.numbers import Month
from billing.views import looking
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, a_group, a_payment, a_seat
from tests.billing.desk import text
from tests.billing.people import a_billing_admin, at_the_desk
from tests.enrollment.builders import a_cohort, a_confirmed_seat, a_held_seat, a_member

pytestmark = pytest.mark.django_db

UTC = zoneinfo.ZoneInfo("UTC")
EASTERN = zoneinfo.ZoneInfo("America/New_York")
PAGE = "/money/numbers/"
Kind = LedgerEntry.Kind


@pytest.fixture
def desk() -> Client:
    return at_the_desk()


def post(cents: int, kind: Kind, at: dt.datetime, currency: str = "usd") -> None:
    ledger.post(
        enrollment_id=a_seat().pk,
        kind=kind,
        amount_cents=cents,
        currency=currency,
        key=f"{kind} {cents} {at}",
        at=at,
    )


def on(month: int, day: int, hour: int = 12) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, tzinfo=dt.UTC)


# --- Money ------------------------------------------------------------------------------


def test_each_month_adds_up() -> None:
    post(10_000, Kind.CHARGE, on(10, 5))
    post(20_000, Kind.CHARGE, on(11, 5))
    post(-5_000, Kind.REFUND, on(11, 6))
    post(1_000, Kind.REFUND_FAILED, on(11, 7))
    post(-300, Kind.DISPUTE, on(11, 8))
    post(200, Kind.DISPUTE_WON, on(11, 9))
    post(-30, Kind.FEE, on(11, 9))
    october, november = numbers.by_month(start=None, zone=UTC)
    assert october == Month(dt.date(2026, 10, 1), "usd", 10_000, 0, 0, 0)
    assert november == Month(dt.date(2026, 11, 1), "usd", 20_000, -4_000, -100, -30)
    assert (october.net, november.net) == (10_000, 15_870)


def test_the_months_sum_to_every_balance(standin: Standin) -> None:
    enrollments = [a_payment(standin).enrollment for _ in range(2)]
    months = numbers.by_month(start=None, zone=EASTERN)
    assert sum(month.net for month in months) == 2 * PRICE
    assert sum(map(ledger.balance, enrollments)) == 2 * PRICE


def test_a_month_is_one_of_the_readers_clock() -> None:
    post(100, Kind.CHARGE, on(11, 1, hour=2))  # still October in New York
    [there], [here] = (numbers.by_month(start=None, zone=zone) for zone in (EASTERN, UTC))
    assert (there.starts.month, here.starts.month) == (10, 11)


def test_currencies_are_never_added() -> None:
    post(100, Kind.CHARGE, on(11, 5))
    post(200, Kind.CHARGE, on(11, 5), "eur")
    months = numbers.by_month(start=None, zone=UTC)
    assert [(month.currency, month.net) for month in months] == [("eur", 200), ("usd", 100)]


@pytest.mark.parametrize(
    ("name", "first"),
    [("month", (2026, 2)), ("quarter", (2025, 12)), ("year", (2025, 3))],
)
def test_a_range_begins_with_a_month_of_the_readers_clock(
    name: str, first: tuple[int, int]
) -> None:
    now = dt.datetime(2026, 3, 1, 2, tzinfo=dt.UTC)  # February in New York
    start = numbers.since(name, now=now, zone=EASTERN)
    assert start == dt.datetime(*first, 1, tzinfo=EASTERN)
    assert numbers.since("all", now=now, zone=EASTERN) is None


def test_what_was_before_the_range_is_left_out() -> None:
    post(100, Kind.CHARGE, on(9, 30))
    post(200, Kind.CHARGE, on(10, 1))
    [month] = numbers.by_month(start=dt.datetime(2026, 10, 1, tzinfo=UTC), zone=UTC)
    assert month.revenue == 200


# --- Seats and the waitlist -------------------------------------------------------------


def test_seats_are_counted_by_what_became_of_them() -> None:
    cohort = a_cohort(capacity=4)
    a_confirmed_seat(cohort=cohort)
    a_held_seat(cohort=cohort)
    gone = a_confirmed_seat(cohort=cohort)
    Enrollment.objects.filter(pk=gone.pk).update(status="withdrawn")
    a_cohort(draft=True)
    [found] = numbers.seats(numbers.groups(start=None))
    assert (found.taken, found.kept, found.free, found.percent) == (1, 1, 2, 25)


def test_groups_that_ended_before_the_range_are_left_out() -> None:
    a_cohort(starts_at=on(1, 5))
    later = a_cohort(starts_at=on(10, 5))
    found = numbers.seats(numbers.groups(start=on(9, 1)))
    assert [one.cohort for one in found] == [later]


def test_who_waits_is_counted_by_weekday_and_zone() -> None:
    tuesday, friday = a_cohort(starts_at=on(10, 6, 22)), a_cohort(starts_at=on(10, 9, 22))
    seats: list[tuple[Enrollment, str]] = []
    for cohort, zone, status in (
        (tuesday, "America/Los_Angeles", "waitlisted"),
        (tuesday, "US/Pacific", "waitlisted"),
        (tuesday, "America/Chicago", "offered"),
        (friday, "America/Chicago", "waitlisted"),
        (friday, "America/Chicago", "withdrawn"),
    ):
        seats.append((a_held_seat(cohort=cohort, member=a_member(time_zone=zone)), status))
    for seat, status in seats:
        Enrollment.objects.filter(pk=seat.pk).update(status=status, waiting_since=seat.reserved_at)
    found = numbers.waitlist()
    assert found.zones == ["Central", "Pacific"]
    assert found.rows == [("Tuesday", [1, 2], 3), ("Friday", [1, 0], 1)]
    assert found.total == 4


def test_many_groups_are_listed_a_page_at_a_time(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "GROUPS_ON_A_PAGE", 1)
    monkeypatch.setattr(plots, "GROUPS", 1)
    for month, name in ((9, "Early"), (10, "Late")):
        a_cohort(name=name, starts_at=on(month, 5))
    first, second = (text(desk, PAGE, range="all", page=page) for page in ("", "2"))
    assert ("Late" in first, "Early" in first) == (True, False)
    assert ("Late" in second, "Early" in second) == (False, True)
    assert 'href="?range=all&amp;page=2"' in first
    assert "Page 1 of 2" in first
    assert "the table all 2" in first


# --- The page ---------------------------------------------------------------------------


def test_the_page_says_when_there_is_nothing(desk: Client) -> None:
    words = text(desk, PAGE)
    for empty in ("No money moved", "No group was on", "Nobody waits"):
        assert empty in words


def test_the_page_has_the_numbers_in_words_beside_each_plot(standin: Standin, desk: Client) -> None:
    a_payment(standin)
    words = text(desk, PAGE, range="month")
    assert words.count("<picture") == 2
    assert words.count("prefers-color-scheme: dark") >= 2
    assert "$299.00" in words
    assert "1 of 8" in words
    assert 'href="?range=month" aria-current="true"' in words
    # Last 3 months, unless the address says another that is known.
    for odd in ("", "week", "\0"):
        assert 'href="?range=quarter" aria-current="true"' in text(desk, PAGE, range=odd)


def test_the_months_are_those_of_whoever_reads() -> None:
    reader = a_billing_admin()
    reader.time_zone = "Pacific/Honolulu"
    reader.save(update_fields=["time_zone"])
    assert "Months are those of your clock, Hawaii." in text(at_the_desk(reader), PAGE)


def test_another_part_adds_its_table(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    dues = numbers.Table("Dues", "What is still to come", ["Month", "Due"], [["May", "$1.00"]])
    monkeypatch.setattr(numbers, "MORE", [lambda now: dues])
    words = text(desk, PAGE)
    assert "What is still to come" in words
    assert "$1.00" in words


@pytest.mark.parametrize("path", [PAGE, "/money/numbers/money-dark.svg", "/money/ledger/"])
def test_a_page_asks_as_often_for_three_groups_as_for_one(
    standin: Standin, desk: Client, path: str
) -> None:
    asked = []
    for more in (1, 2):
        for _ in range(more):
            a_payment(standin, a_seat(a_group()))
        with CaptureQueriesContext(connection) as captured:
            text(desk, path, range="all")
        asked.append(len(captured))
    assert asked[0] == asked[1]


# --- The plots --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["money", "seats"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_plot_is_an_image_that_asks_nobody_for_anything(
    standin: Standin, desk: Client, name: str, theme: str
) -> None:
    a_payment(standin)
    reply = desk.get(f"/money/numbers/{name}-{theme}.svg", {"range": "all"})
    assert (reply.status_code, reply["Content-Type"]) == (200, "image/svg+xml")
    policy = reply["Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    svg = reply.content.decode()
    root = ElementTree.fromstring(svg)  # noqa: S314  our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {one.tag.rpartition("}")[2] for one in root.iter()}.isdisjoint(
        {"script", "image", "use", "foreignObject", "a"}
    )
    outside = set(re.findall(r"https?://[^\s\"'<]+", re.sub(r"<!--.*?-->", "", svg)))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in svg
    assert COLOURS[theme]["surface"] in svg


@pytest.mark.parametrize("path", ["money-blue", "people-dark"])
def test_there_is_no_other_plot(desk: Client, path: str) -> None:
    assert desk.get(f"/money/numbers/{path}.svg").status_code == 404


def test_a_name_in_a_plot_is_only_a_name(desk: Client) -> None:
    a_cohort(name="<script>&\u2019")
    svg = desk.get("/money/numbers/seats-light.svg", {"range": "all"}).content
    assert b"<script" not in svg
    ElementTree.fromstring(svg)  # noqa: S314  our own


def test_an_empty_plot_says_so(desk: Client) -> None:
    assert b"Nothing in this time" in desk.get("/money/numbers/money-light.svg").content


def test_the_colours_of_the_plots_are_the_sites() -> None:
    css = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    for theme, source in (("light", light), ("dark", dark)):
        tokens = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", source))
        assert {name: tokens[name] for name in COLOURS[theme]} == COLOURS[theme]


def _brightness(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_brightness(one), _brightness(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_a_plot_shows_stands_out_from_its_ground(theme: str) -> None:
    colours = COLOURS[theme]
    for name in (*plots.BARS, "edge"):
        assert _contrast(colours[name], colours["surface"]) >= 3
    assert _contrast(colours["line"], colours["surface"]) < 3  # so no bar has it


def test_groups_of_one_name_are_told_apart_by_their_first_day(desk: Client) -> None:
    for number in (1, 2):
        a_cohort(name="Sunday evenings", slug=f"s{number}", first_date=dt.date(2026, 11, number))
    for width in ({}, {"narrow": "1"}):
        svg = desk.get("/money/numbers/seats-light.svg", {"range": "all", **width}).content.decode()
        words = html.unescape(svg)
        for day in ("Nov 1", "Nov 2"):
            assert f"Sunday evenings, {day}<" in words or f", {day}, 6:00 PM<" in words


def test_a_phone_gets_a_plot_of_its_own_width(standin: Standin, desk: Client) -> None:
    a_payment(standin)
    words = text(desk, PAGE, range="month")
    assert words.count("narrow=1") == 4
    for key in ("Revenue", "Refunds", "Disputes", "Net", "Taken", "Kept, not paid yet", "Free"):
        assert f">{key}</li>" in words  # the legend is the page's: no image cuts it off
    svg = desk.get("/money/numbers/money-dark.svg", {"narrow": "1"}).content.decode()
    assert 'viewBox="0 0 360 400"' in svg
