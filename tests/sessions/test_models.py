"""What a cohort refuses, and in which words."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from sessions.models import GroupSession
from tests.sessions.factories import a_version, build_cohort, default_programme, make_cohort

pytestmark = pytest.mark.django_db


def complaints(**fields: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        build_cohort(**fields).full_clean()
    return caught.value.message_dict


def test_a_sound_cohort_has_nothing_to_complain_about() -> None:
    build_cohort(skipped_dates=["2026-11-24"], meeting_url="https://meet.example/a").full_clean()


@pytest.mark.parametrize(
    ("fields", "where", "words"),
    [
        ({"capacity": 11}, "capacity", "This program seats at most 10."),
        ({"first_date": dt.date(226, 10, 6)}, "first_date", "Check the year of the first date."),
        ({"first_date": dt.date(2999, 10, 6)}, "first_date", "Check the year of the first date."),
        (
            {"skipped_dates": ["2026-11-26"]},
            "skipped_dates",
            "2026-11-26 is not a meeting day of this group, so it cannot be skipped.",
        ),
        (
            {
                "skipped_dates": [
                    str(dt.date(2026, 10, 6) + dt.timedelta(weeks=n)) for n in range(15)
                ]
            },
            "skipped_dates",
            "Twelve sessions do not fit into 26 weeks: skip fewer dates.",
        ),
        ({"skipped_dates": ["2026-02-30"]}, "skipped_dates", "List dates as YYYY-MM-DD."),
        ({"skipped_dates": [20261124]}, "skipped_dates", "List dates as YYYY-MM-DD."),
        ({"skipped_dates": "2026-11-24"}, "skipped_dates", "List dates as YYYY-MM-DD."),
        (
            {"skipped_dates": ["2026-11-24", "2026-11-24"]},
            "skipped_dates",
            "A date is listed twice.",
        ),
        (
            {"admitted_states": ["NY", "ZZ", "PR"]},
            "admitted_states",
            "Not a US state: ZZ, PR.",
        ),
        (
            {"admitted_states": "NY"},
            "admitted_states",
            "List at least one state, for example CA, NY.",
        ),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "Choose a time zone from the list."),
        (
            {"meeting_url": "http://meet.example/a"},
            "meeting_url",
            "Enter an address that starts with https://.",
        ),
    ],
)
def test_each_mistake_is_named_at_its_field(fields: Any, where: str, words: str) -> None:
    assert complaints(**fields) == {where: [words]}


def test_a_missing_first_date_is_the_only_complaint() -> None:
    assert list(complaints(first_date=None)) == ["first_date"]


def test_every_session_has_a_room_that_nobody_guesses() -> None:
    one, other = GroupSession(number=1), GroupSession(number=2)
    assert one.room != other.room
    assert len(one.room) == len("g-") + 36


def test_a_session_meets_at_its_own_link_then_the_cohorts_then_the_room(settings: Any) -> None:
    settings.MEETING_BASE_URL = "https://meet.example"
    cohort = build_cohort()
    session = GroupSession(cohort=cohort, number=1)
    assert session.joining_url == f"https://meet.example/{session.room}"
    cohort.meeting_url = "https://video.example/ours"
    assert session.joining_url == "https://video.example/ours"
    session.meeting_url = "https://video.example/today"
    assert session.joining_url == "https://video.example/today"


def test_the_database_keeps_one_session_a_week_which_ends_after_it_starts() -> None:
    cohort = make_cohort()
    start = dt.datetime(2026, 10, 6, 22, tzinfo=dt.UTC)
    hour = dt.timedelta(hours=1)
    GroupSession.objects.create(cohort=cohort, number=1, starts_at=start, ends_at=start + hour)
    with pytest.raises(IntegrityError), transaction.atomic():
        GroupSession.objects.create(cohort=cohort, number=1, starts_at=start, ends_at=start + hour)
    with pytest.raises(IntegrityError), transaction.atomic():
        GroupSession.objects.create(cohort=cohort, number=2, starts_at=start, ends_at=start)


def test_the_database_keeps_one_text_a_week() -> None:
    draft = a_version(default_programme(), at=None, weeks={1: {}})
    with pytest.raises(IntegrityError, match="one_text_per_week"), transaction.atomic():
        draft.weeks.create(number=1, module="mindfulness", title="Again")
