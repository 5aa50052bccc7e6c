"""Writing the twelve sessions of a cohort."""

import datetime as dt

import pytest

from sessions.models import Cohort, GroupSession
from sessions.schedule import ImpossibleSchedule
from sessions.services import schedule_sessions
from tests.sessions.factories import make_cohort

pytestmark = pytest.mark.django_db


def test_twelve_sessions_are_written_with_their_length() -> None:
    cohort = make_cohort(duration_minutes=90)
    schedule_sessions(cohort=cohort)
    sessions = list(cohort.group_sessions.all())
    assert [session.number for session in sessions] == list(range(1, 13))
    assert {session.ends_at - session.starts_at for session in sessions} == {
        dt.timedelta(minutes=90)
    }
    assert sessions[0].starts_at == dt.datetime(2026, 10, 6, 22, tzinfo=dt.UTC)
    assert sessions[-1].starts_at == dt.datetime(2026, 12, 22, 23, tzinfo=dt.UTC)


def test_writing_again_changes_nothing() -> None:
    cohort = make_cohort()
    schedule_sessions(cohort=cohort)
    before = list(GroupSession.objects.values())
    schedule_sessions(cohort=cohort)
    assert list(GroupSession.objects.values()) == before


def test_a_new_clock_moves_the_sessions_and_keeps_their_own_links() -> None:
    cohort = make_cohort()
    schedule_sessions(cohort=cohort)
    third = cohort.group_sessions.get(number=3)
    third.meeting_url = "https://video.example/only-today"
    third.save(update_fields=["meeting_url"])
    cohort.wall_time = dt.time(19, 30)
    cohort.skipped_dates = ["2026-10-13"]
    cohort.save()
    schedule_sessions(cohort=cohort)
    moved = cohort.group_sessions.get(number=3)
    assert (moved.pk, moved.meeting_url) == (third.pk, "https://video.example/only-today")
    assert moved.starts_at == dt.datetime(2026, 10, 27, 23, 30, tzinfo=dt.UTC)
    assert cohort.group_sessions.count() == 12


@pytest.mark.parametrize(
    ("admission", "last_week"),
    [(Cohort.Admission.START_ONLY, 1), (Cohort.Admission.MODULE_STARTS, 9)],
)
def test_one_may_join_until_the_last_week_that_admits(admission: str, last_week: int) -> None:
    cohort = make_cohort(admission=admission)
    schedule_sessions(cohort=cohort)
    cohort.refresh_from_db()
    assert cohort.joinable_until == cohort.group_sessions.get(number=last_week).starts_at


def test_contradicting_dates_write_nothing() -> None:
    cohort = make_cohort(skipped_dates=["2026-10-07"])
    with pytest.raises(ImpossibleSchedule):
        schedule_sessions(cohort=cohort)
    assert not cohort.group_sessions.exists()
