"""The good-faith estimate: by when it is due, that it goes out by itself, and what it says."""

import datetime as dt
import re
from collections.abc import Sequence

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from billing import mails, tasks
from billing.models import IssuedPaper
from billing.papers import drafting, issuing
from billing.papers.business_days import business_days_until, estimate_due
from enrollment import moves
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox.models import Message
from outbox.services import deliver_due
from tests.billing.papers import (
    CLINICAL,
    a_paid_seat,
    cents,
    issued,
    may_have_superbills,
    paper,
    signed_in,
    somebody,
)
from tests.billing.test_mails import parts
from tests.enrollment.builders import (
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    session,
)
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db
DAY = 24 * HOUR


def day(words: str) -> dt.date:
    return dt.date.fromisoformat(f"2026-{words}")


# --- By when ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheduled", "first_session", "due"),
    [
        ("10-05", "10-06", None),  # Monday for Tuesday
        ("10-05", "10-07", None),  # two business days
        ("10-05", "10-08", "10-06"),  # three
        ("10-05", "10-19", "10-06"),  # nine: Columbus Day lies between
        ("10-05", "10-20", "10-08"),  # ten
        ("10-02", "10-07", "10-05"),  # on a Friday: by Monday
        ("10-03", "10-07", "10-05"),  # on a Saturday: by Monday too
        ("10-03", "10-06", None),  # Saturday for Tuesday: two
        ("11-25", "11-30", None),  # the day before Thanksgiving for Monday: Friday and Monday
        ("11-25", "12-01", "11-27"),  # for Tuesday; Thursday is a holiday
        ("11-25", "12-15", "12-01"),  # three business days: Friday, Monday, Tuesday
        ("07-02", "07-08", "07-06"),  # July 4 is a Saturday, kept on Friday
        ("12-24", "12-31", "12-28"),  # Christmas on a Friday
        ("01-05", "12-15", "01-08"),  # far ahead
    ],
)
def test_it_is_due_within_so_many_business_days(
    scheduled: str, first_session: str, due: str | None
) -> None:
    found = estimate_due(scheduled=day(scheduled), first_session=day(first_session))
    assert found == (day(due) if due else None)


def test_business_days_leave_out_weekends_and_federal_holidays() -> None:
    assert business_days_until(day("11-23"), day("11-30")) == 4
    assert business_days_until(day("11-23"), day("11-23")) == 0


def test_every_deadline_lies_within_the_days_that_the_sweep_looks_back() -> None:
    start = dt.date(2026, 1, 1)
    for offset in range(3 * 365):
        scheduled = start + dt.timedelta(days=offset)
        due = estimate_due(scheduled=scheduled, first_session=scheduled + dt.timedelta(days=60))
        assert due is not None
        assert due - scheduled < issuing.CONFIRMED_LATELY


# --- By itself --------------------------------------------------------------------------


def promised() -> list[int]:
    found = Message.objects.filter(kind=issuing.ESTIMATE_READY).order_by("pk")
    return list(found.values_list("subject_id", flat=True))


def sent(sink: SmtpSink, now: dt.datetime = NOW + MINUTE) -> list[str]:
    deliver_due(clock=lambda: now)
    return [
        mail.rcpt_tos[0]
        for mail in sink.messages
        if mail.message["Subject"] == "Your cost overview is ready"
    ]


def test_a_confirmed_seat_gets_one_estimate_and_one_mail(smtp_sink: SmtpSink) -> None:
    seat = a_confirmed_seat()
    assert issuing.issue_estimates(now=NOW + MINUTE) == 1
    assert issuing.issue_estimates(now=NOW + 2 * MINUTE) == 0
    assert promised() == [seat.pk]
    [one] = IssuedPaper.objects.all()
    assert (one.enrollment, one.issued_at, one.issued_to) == (seat, NOW + MINUTE, seat.member)
    assert sent(smtp_sink) == [seat.member.email]


def test_the_task_does_it_every_minute() -> None:
    seat = a_confirmed_seat()
    with time_machine.travel(NOW + MINUTE, tick=False):
        tasks.issue_estimates()
    assert promised() == [seat.pk]


def test_only_seats_that_were_confirmed_lately_and_still_stand_get_one() -> None:
    a_held_seat()
    old = a_confirmed_seat(now=NOW - 7 * DAY)
    gone = a_confirmed_seat()
    leave(gone)
    assert (issuing.issue_estimates(now=NOW), promised()) == (0, [])
    assert not IssuedPaper.objects.filter(enrollment__in=[old, gone]).exists()


def leave(seat: Enrollment) -> None:
    moves.move(
        enrollment_id=seat.pk,
        sources=[Status.ACTIVE],
        target=Status.WITHDRAWN,
        now=NOW,
        reason="Asked to",
    )


def test_who_opened_it_before_paying_keeps_that_paper() -> None:
    held = a_held_seat()
    url = f"/my/{held.public_id}/papers/estimate/"
    with time_machine.travel(NOW, tick=False):
        client = signed_in(held.member)
        assert client.get(url).status_code == 200
        page = client.get(f"/pay/{held.public_id}/").content.decode()
    assert f'href="{url}"' in page
    Enrollment.objects.filter(pk=held.pk).update(
        status="active", held_until=None, confirmed_at=NOW + HOUR
    )
    assert issuing.issue_estimates(now=NOW + HOUR) == 1
    assert IssuedPaper.objects.count() == 1


def test_one_that_cannot_be_written_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = a_confirmed_seat(), a_confirmed_seat()
    whole = drafting.draft

    def breaks(**given: object) -> object:
        if given["enrollment"] == bad:
            raise RuntimeError("Samira Ruth Okafor")
        return whole(**given)  # type: ignore[arg-type]

    monkeypatch.setattr("billing.papers.issuing.draft", breaks)
    with capture_logs() as logs:
        assert issuing.issue_estimates(now=NOW) == 1
    assert promised() == [good.pk]
    assert [(line["event"], line["error"]) for line in logs] == [
        ("estimate_not_issued", "RuntimeError")
    ]
    monkeypatch.setattr("billing.papers.issuing.draft", whole)
    assert issuing.issue_estimates(now=NOW + MINUTE) == 1
    assert promised() == [good.pk, bad.pk]


def test_the_promises_are_one_statement_however_many_they_are() -> None:
    counts = []
    for number in (1, 3):
        for _ in range(number):
            issued("estimate", a_confirmed_seat(), NOW)
        with CaptureQueriesContext(connection) as queries:
            assert issuing.issue_estimates(now=NOW) == number
        counts.append(len(queries))
    assert counts == [2, 2]


# --- The mail ---------------------------------------------------------------------------


def test_the_mail_is_neutral_links_to_the_site_and_carries_no_file(smtp_sink: SmtpSink) -> None:
    seat = a_paid_seat(member=somebody())
    issuing.issue_estimates(now=NOW)
    assert sent(smtp_sink) == [seat.member.email]
    mail = next(one for one in smtp_sink.messages if "overview" in one.message["Subject"])
    whole = mail.message["Subject"] + "".join(parts(mail))
    assert re.findall(CLINICAL, whole, re.IGNORECASE) == []
    assert seat.cohort.name not in whole
    assert "$" not in whole
    assert list(mail.message.iter_attachments()) == []
    for part in parts(mail):
        assert f"http://testserver/my/{seat.public_id}/papers/estimate/" in part
        assert [number in part for number in ("911", "988", "741741")] == [True, True, True]


def test_whoever_left_meanwhile_gets_no_mail(smtp_sink: SmtpSink) -> None:
    seat = a_confirmed_seat()
    issuing.issue_estimates(now=NOW)
    leave(seat)
    assert sent(smtp_sink) == []
    message = Message.objects.get(kind=issuing.ESTIMATE_READY)
    assert (message.state, message.reason) == ("not_owed", "The seat is not theirs any more.")


@pytest.mark.parametrize(("later", "late"), [(DAY, []), (2 * DAY, ["estimate_late"])])
def test_a_mail_after_the_legal_day_is_told_in_the_log(
    later: dt.timedelta, late: list[str]
) -> None:
    # A Tuesday a week before: five business days ahead, so the estimate is due on Wednesday.
    seat = a_confirmed_seat()
    with capture_logs() as logs:
        mails.estimate_ready(owed([seat]), NOW + later)
    assert [line["event"] for line in logs] == late


def owed(seats: Sequence[Enrollment]) -> list[Message]:
    return [Message(pk=seat.pk, subject_id=seat.pk) for seat in seats]


def test_a_batch_of_mails_costs_one_query() -> None:
    for number in (1, 3):
        messages = owed([a_confirmed_seat() for _ in range(number)])
        with CaptureQueriesContext(connection) as queries:
            assert len(mails.estimate_ready(messages, NOW)) == number
        assert len(queries) == 1


# --- What it says -----------------------------------------------------------------------


def test_it_names_the_dates_the_charges_and_the_rights() -> None:
    seat = a_paid_seat(member=somebody())
    found = paper("estimate", seat, NOW)
    assert (len(found.lines.rows), found.lines.rows[0], found.lines.rows[-1][0]) == (
        12,
        ("Oct 6, 2026", "6:00 PM to 7:00 PM Eastern", "$24.92"),
        "Dec 22, 2026",
    )
    assert sum(cents(row[-1]) for row in found.lines.rows) == seat.price_cents
    assert found.totals == (("Expected total", "$299.00"),)
    assert found.recipient == (("For", "Samira Ruth Okafor"), ("Date of birth", "March 28, 1991"))
    assert [label for label, _ in found.issuer] == [
        "From",
        "Address",
        "Phone",
        "Tax number (EIN)",
        "Provider number (NPI)",
        "License",
    ]
    notes = " ".join(found.notes)
    for right in ("$400 or more", "right to dispute", "not a contract", "www.cms.gov/nosurprises"):
        assert right in notes


def test_a_code_stands_there_once_a_clinician_has_decided() -> None:
    seat = a_paid_seat(member=somebody())
    assert ("Service code", "None assigned yet") in paper("estimate", seat, NOW).facts
    may_have_superbills(seat)
    assert ("Service code", "90853") in paper("estimate", seat, NOW).facts


def test_a_free_seat_is_estimated_at_nothing() -> None:
    seat = a_confirmed_seat()
    Enrollment.objects.filter(pk=seat.pk).update(price_cents=0)
    found = paper("estimate", seat, NOW)
    assert {row[-1] for row in found.lines.rows} == {"$0.00"}
    assert found.totals == (("Expected total", "$0.00"),)


def test_who_joins_later_is_told_of_their_own_weeks_only() -> None:
    seat = a_confirmed_seat(cohort=a_cohort(admission="modules"))
    Enrollment.objects.filter(pk=seat.pk).update(first_week=5, price_cents=19_933)
    found = paper("estimate", seat, NOW)
    assert (len(found.lines.rows), found.lines.rows[0][0]) == (8, "Nov 3, 2026")
    assert sum(cents(row[-1]) for row in found.lines.rows) == 19_933


def test_a_cancelled_session_is_not_expected() -> None:
    seat = a_confirmed_seat()
    third = session(seat.cohort, 3)
    third.cancelled_at = NOW
    third.save(update_fields=["cancelled_at"])
    found = paper("estimate", seat, NOW)
    assert "Oct 20, 2026" not in [row[0] for row in found.lines.rows]
    assert sum(cents(row[-1]) for row in found.lines.rows) == seat.price_cents


def test_after_leaving_the_estimate_stays_as_it_was() -> None:
    seat = a_confirmed_seat()
    first = issued("estimate", seat, NOW)
    leave(seat)
    assert issued("estimate", seat, NOW) == first


def test_without_readable_answers_it_goes_to_the_name_that_is_known() -> None:
    seat = a_paid_seat(member=somebody())
    seat.member.intake.delete()
    assert paper("estimate", seat, NOW).recipient[0] == ("For", "Sam Rivers")
