"""The four mails as a mail server receives them: owed at that moment, and neutral throughout."""

import datetime as dt
import html
import re
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from accounts.models import User
from enrollment import links, opening, services
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox import kinds
from outbox.mail import Mail
from outbox.models import Message, State
from outbox.services import Tally, deliver_due
from sessions.models import Cohort
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    session,
)
from tests.sessions.factories import default_programme
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
# Words and stems that a lock screen must not show, and a mail server's log must not hold.
CLINICAL = (
    "dbt", "dialectical", "behavio", "therap", "skill", "diagnos", "mindful", "distress",
    "emotion", "interpersonal", "clinic", "mental", "patient", "treatment", "disorder",
    "suicid", "intake", "facilitator",
)  # fmt: skip
MEETING = "https://video.example/j/5550199"
OVERRIDE = "https://other-video.example/j/777"


def a_telling_cohort() -> Cohort:
    """A group whose every name would give something away."""
    programme = default_programme()
    programme.name = "DBT skills group"
    programme.save(update_fields=["name"])
    cohort = a_cohort(
        programme=programme,
        name="Borderline DBT Tuesdays",
        slug="borderline-dbt-tuesdays",
        meeting_url=MEETING,
    )
    cohort.facilitators.add(a_member("lead@example.org", display_name="Dr. Wilhelmina Quist"))
    cohort.group_sessions.filter(number=2).update(meeting_url=OVERRIDE)
    return cohort


def deliver(now: dt.datetime) -> Tally:
    return deliver_due(clock=lambda: now)


def confirmation(cohort: Cohort, member: User) -> dt.datetime:
    a_confirmed_seat(cohort=cohort, member=member)
    return NOW


def link(cohort: Cohort, member: User) -> dt.datetime:
    confirmation(cohort, member)
    Message.objects.all().delete()
    links.promise_links(now=FIRST_SESSION - DAY)
    return FIRST_SESSION - DAY


def running(cohort: Cohort, member: User) -> dt.datetime:
    link(cohort, member)
    return FIRST_SESSION + MINUTE


def reminder(cohort: Cohort, member: User) -> dt.datetime:
    link(cohort, member)
    links.promise_links(now=FIRST_SESSION - HOUR)
    Message.objects.filter(kind=links.SESSION_LINK).delete()
    return FIRST_SESSION - HOUR


def expiry(cohort: Cohort, member: User) -> dt.datetime:
    held = a_held_seat(cohort=cohort, member=member)
    end = NOW + services.HOLD
    services.expire_hold(enrollment_id=held.pk, now=end, reason="Not paid in time")
    return end


KINDS: dict[str, tuple[Callable[[Cohort, User], dt.datetime], str]] = {
    "confirmation": (confirmation, "Your seat is confirmed"),
    "link": (link, "Your link for Tuesday, 3:00 PM Pacific"),
    "running": (running, "Your session is open now"),
    "reminder": (reminder, "Today at 3:00 PM Pacific"),
    "expiry": (expiry, "Your reserved seat was released"),
}


def received(sink: SmtpSink, kind: str) -> EmailMessage:
    """The one mail of a kind, to Ada in Los Angeles, with Bob beside her in the group."""
    cohort = a_telling_cohort()
    a_held_seat(cohort=cohort, member=a_member("bob@example.org", display_name="Bob Underhill"))
    ada = a_member("ada@example.org", display_name="Ada", time_zone="America/Los_Angeles")
    now = KINDS[kind][0](cohort, ada)

    assert deliver(now) == Tally(sent=1)

    (mail,) = sink.messages
    assert mail.rcpt_tos == ["ada@example.org"]
    return mail.message


def words(message: EmailMessage) -> str:
    """Everything that a mail says: headers, bodies, attachments; HTML without its colours."""
    parts = [f"{name}: {value}" for name, value in message.items()]
    for part in message.walk():
        if part.is_multipart():
            continue
        content = part.get_content()
        text = content.decode() if isinstance(content, bytes) else content
        # A calendar file folds its lines at 75 bytes.
        parts.append(re.sub(r"\r?\n[ \t]", "", text))
    return re.sub(r"<style>.*?</style>", "", "\n".join(parts), flags=re.DOTALL)


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_says_who_it_is_for_and_nothing_clinical(smtp_sink: SmtpSink, kind: str) -> None:
    message = received(smtp_sink, kind)
    said = words(message)

    assert message["Subject"] == KINDS[kind][1]
    assert (message["To"], message["Cc"], message["Bcc"]) == ("ada@example.org", None, None)
    assert [word for word in CLINICAL if word in said.lower()] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_names_nobody_else_and_no_group(smtp_sink: SmtpSink, kind: str) -> None:
    said = words(received(smtp_sink, kind)).lower()
    telling = ("bob", "underhill", "quist", "wilhelmina", "lead@", "borderline", "tuesdays")
    assert [name for name in telling if name in said] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_does_not_tell_where_the_meeting_is(smtp_sink: SmtpSink, kind: str) -> None:
    said = words(received(smtp_sink, kind))
    cohort = Cohort.objects.get()
    secrets = (
        MEETING,
        "video.example",
        "5550199",
        settings.MEETING_BASE_URL,
        "jit.si",
        session(cohort, 1).room,
    )
    assert [secret for secret in secrets if secret in said] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ["plain", "html"])
def test_a_mail_carries_the_safety_foot(smtp_sink: SmtpSink, kind: str, body: str) -> None:
    said = text_of(received(smtp_sink, kind), body)
    assert [number for number in ("911", "988", "741741") if number not in said] == []


@pytest.mark.parametrize("kind", ["confirmation", "link", "running", "reminder"])
@pytest.mark.parametrize("body", ["plain", "html"])
def test_a_mail_leads_to_the_members_own_door(smtp_sink: SmtpSink, kind: str, body: str) -> None:
    said = text_of(received(smtp_sink, kind), body)
    token = Enrollment.objects.get(member__email="ada@example.org").door_token
    doors = re.findall(r"http://testserver/join/[^\s\"<]+", said)
    assert set(doors) == {f"http://testserver/join/{token}/"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ["plain", "html"])
def test_the_weekly_link_leads_to_the_members_own_week_in_one_line_and_no_other_mail_does(
    smtp_sink: SmtpSink, kind: str, body: str
) -> None:
    text = html.unescape(text_of(received(smtp_sink, kind), body))
    ada = Enrollment.objects.get(member__email="ada@example.org")
    path = reverse("practice:hub", args=[ada.public_id])
    named = re.findall(
        r"Your week: (\S+)\n" if body == "plain" else r'"(\S+)"[^>]*>Your week<', text
    )
    assert named == ([f"http://testserver{path}"] if kind in ("link", "running") else [])
    assert ("/practice/" in text) is bool(named)


@pytest.mark.parametrize("body", ["plain", "html"])
def test_an_expired_hold_leads_back_to_the_site_by_a_neutral_address(
    smtp_sink: SmtpSink, body: str
) -> None:
    said = text_of(received(smtp_sink, "expiry"), body)
    expired = Enrollment.objects.get(member__email="ada@example.org")
    address = reverse("enrollment:my_group", args=[expired.public_id])
    assert f"http://testserver{address}" in said
    assert "Nothing was charged" in said


def test_the_confirmation_lists_price_and_dates_on_the_members_clock(smtp_sink: SmtpSink) -> None:
    said = text_of(received(smtp_sink, "confirmation"))
    assert "You paid $299.00 for 12 sessions." in said
    assert re.findall(r"^\d+\. .*$", said, re.MULTILINE) == [
        f"{number}. Tuesday, {day}, 3:00 PM Pacific"
        for number, day in enumerate(
            ("October 6", "October 13", "October 20", "October 27", "November 3", "November 10",
             "November 17", "November 24", "December 1", "December 8", "December 15",
             "December 22"), start=1)
    ]  # fmt: skip


def test_the_confirmation_names_the_weeks_without_a_session(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort(skipped_dates=["2026-11-24", "2026-12-22"])
    deliver(confirmation(cohort, a_member(time_zone="America/Los_Angeles")))
    deliver(confirmation(a_cohort(), a_member()))
    with_pause, without = (mail.message for mail in smtp_sink.messages)
    line = "No session on Tuesday, November 24 or on Tuesday, December 22."
    assert line in text_of(with_pause)
    assert line in text_of(with_pause, "html")
    assert "No session on" not in words(without)


def test_a_reminder_names_the_day(smtp_sink: SmtpSink) -> None:
    said = text_of(received(smtp_sink, "reminder"))
    assert "Your session starts today, Tuesday, October 6, at 3:00 PM Pacific." in said


def test_the_link_says_when_and_once_the_session_runs_until_when(smtp_sink: SmtpSink) -> None:
    cohort, ada = a_cohort(), a_member(time_zone="America/Los_Angeles")
    deliver(link(cohort, ada))
    late = a_confirmed_seat(cohort=cohort, member=a_member(), now=FIRST_SESSION - MINUTE)
    Message.objects.filter(kind=links.SEAT_CONFIRMED).delete()
    assert deliver(FIRST_SESSION) == Tally(sent=1)

    before, begun = (text_of(mail.message) for mail in smtp_sink.messages)
    assert "Your next session is on Tuesday, October 6, 3:00 PM Pacific." in before
    assert "The door opens 15 minutes before the start." in before
    assert smtp_sink.messages[1].rcpt_tos == [late.member.email]
    assert "Your session has begun, at 6:00 PM Eastern." in begun
    assert "the door is open until 7:00 PM Eastern." in begun


def test_a_reminder_across_midnight_does_not_say_today(smtp_sink: SmtpSink) -> None:
    tokyo = a_member(time_zone="Asia/Tokyo")
    cohort = a_cohort(starts_at=dt.datetime(2026, 10, 6, 15, 30, tzinfo=dt.UTC))
    a_confirmed_seat(cohort=cohort, member=tokyo)
    start = session(cohort, 1).starts_at
    for now in (start - DAY, start - HOUR):
        links.promise_links(now=now)
    Message.objects.exclude(kind=links.SESSION_REMINDER).delete()
    deliver(start - HOUR)
    mail = smtp_sink.messages[0].message
    assert mail["Subject"] == "Starting at 12:30 AM Tokyo"
    assert "Your session starts on Wednesday, October 7, at 12:30 AM Tokyo." in text_of(mail)


@pytest.mark.parametrize("kind", [links.SESSION_LINK, links.SESSION_REMINDER])
def test_each_member_of_a_batch_gets_the_own_name_door_and_clock(
    smtp_sink: SmtpSink, kind: str
) -> None:
    """Their mails are rendered once for all who share a zone and a start."""
    tuesday, later = a_cohort(), a_cohort(starts_at=FIRST_SESSION + HOUR / 2)
    zones = {
        "Ada": (tuesday, "America/New_York", "6:00 PM Eastern"),
        "Ben": (tuesday, "America/New_York", "6:00 PM Eastern"),
        "Cleo <3": (tuesday, "America/Los_Angeles", "3:00 PM Pacific"),
        "Dora": (later, "America/Los_Angeles", "3:30 PM Pacific"),
        "": (later, "America/New_York", "6:30 PM Eastern"),
    }
    seats = [
        a_confirmed_seat(cohort=cohort, member=a_member(display_name=name, time_zone=zone))
        for name, (cohort, zone, _) in zones.items()
    ]
    for now in (FIRST_SESSION - DAY + HOUR, FIRST_SESSION - HOUR / 2):
        links.promise_links(now=now)
    Message.objects.exclude(kind=kind).delete()
    assert deliver(now) == Tally(sent=len(seats))

    mails = {mail.rcpt_tos[0]: mail.message for mail in smtp_sink.messages}
    for seat, (name, (_, _, at)) in zip(seats, zones.items(), strict=True):
        message = mails[seat.member.email]
        assert str(message["Subject"]).endswith(at)
        for body in ("plain", "html"):
            said = html.unescape(text_of(message, body))
            assert f"Hello {name or 'there'}," in said
            assert at in said
            assert re.findall(r"/join/([^/]+)/", said) == [seat.door_token]
            weeks = set(re.findall(r"/my/([^/]+)/practice/", said))
            assert weeks == ({str(seat.public_id)} if kind == links.SESSION_LINK else set())


# --- The calendar file ------------------------------------------------------------------


def calendar_in(message: EmailMessage) -> Calendar:
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "sessions.ics"
    assert attachment.get_content_type() == "text/calendar"
    content = attachment.get_content()
    return Calendar.from_ical(content)


def test_the_calendar_file_has_the_twelve_instants_across_the_november_change(
    smtp_sink: SmtpSink,
) -> None:
    calendar = calendar_in(received(smtp_sink, "confirmation"))
    spans = [(event.start, event.end) for event in calendar.events]
    summer = [dt.datetime(2026, 10, day, 22, tzinfo=dt.UTC) for day in (6, 13, 20, 27)]
    winter = [dt.datetime(2026, 11, 3, 23, tzinfo=dt.UTC) + n * 7 * DAY for n in range(8)]
    assert spans == [(start, start + HOUR) for start in summer + winter]


def test_the_calendar_file_leads_to_the_door_and_keeps_its_uids(smtp_sink: SmtpSink) -> None:
    message = received(smtp_sink, "confirmation")
    events = calendar_in(message).events
    ada = Enrollment.objects.get(member__email="ada@example.org")
    assert {str(event["LOCATION"]) for event in events} == {ada.door_url}
    assert {str(event["SUMMARY"]) for event in events} == {"Grouport: weekly session"}
    assert [str(event["UID"]) for event in events] == [
        f"{ada.public_id}-{number}@testserver" for number in range(1, 13)
    ]


@pytest.mark.parametrize(("begun", "sessions"), [(1, 8), (5, 4)])
def test_who_joins_later_gets_the_sessions_from_there(
    smtp_sink: SmtpSink, begun: int, sessions: int
) -> None:
    cohort = a_cohort(admission="modules")
    now = session(cohort, begun).starts_at
    a_confirmed_seat(cohort=cohort, now=now)
    deliver(now)
    (mail,) = smtp_sink.messages
    assert len(calendar_in(mail.message).events) == sessions
    assert f"for {sessions} sessions." in text_of(mail.message)


# --- Asked again at the moment of sending -----------------------------------------------


def outcome(kind: str) -> tuple[str, str]:
    message = Message.objects.get(kind=kind)
    return message.state, message.reason


@pytest.mark.parametrize("kind", ["confirmation", "link", "reminder"])
def test_who_left_before_it_was_sent_is_not_owed_a_mail(smtp_sink: SmtpSink, kind: str) -> None:
    member = a_member()
    now = KINDS[kind][0](a_cohort(), member)
    enrollment = Enrollment.objects.get(member=member)
    services.withdraw(enrollment_id=enrollment.pk, actor=member, reason="Left", now=now)

    assert deliver(now) == Tally(not_owed=1)
    assert smtp_sink.messages == []
    (message,) = Message.objects.all()
    assert (message.state, message.reason) == (State.NOT_OWED, "The enrolment is withdrawn.")


def test_a_link_is_not_owed_after_the_sessions_end(smtp_sink: SmtpSink) -> None:
    link(a_cohort(), a_member())
    assert deliver(FIRST_SESSION + HOUR) == Tally(not_owed=1)
    assert outcome(links.SESSION_LINK) == (State.NOT_OWED, "The session is over.")


def test_a_reminder_is_not_owed_once_the_session_runs(smtp_sink: SmtpSink) -> None:
    reminder(a_cohort(), a_member())
    assert deliver(FIRST_SESSION) == Tally(not_owed=1)
    assert outcome(links.SESSION_REMINDER) == (State.NOT_OWED, "The session has begun.")


def test_a_link_for_a_time_from_which_the_session_moved_is_not_owed(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort()
    now = link(cohort, a_member())
    cohort.skipped_dates = [cohort.first_date.isoformat()]
    opening.lay_out(cohort=cohort)
    assert deliver(now) == Tally(not_owed=1)
    assert outcome(links.SESSION_LINK) == (
        State.NOT_OWED,
        "The session was moved to another time, or cancelled.",
    )


def test_who_reserved_again_is_not_told_that_the_seat_is_gone(smtp_sink: SmtpSink) -> None:
    cohort, member = a_cohort(), a_member()
    now = expiry(cohort, member)
    a_held_seat(cohort=cohort, member=member, now=now)
    assert deliver(now) == Tally(not_owed=1)
    assert outcome(links.HOLD_EXPIRED) == (State.NOT_OWED, "The member has reserved again.")


def test_a_late_payer_is_not_told_that_the_seat_is_gone(smtp_sink: SmtpSink) -> None:
    cohort, member = a_cohort(), a_member()
    now = expiry(cohort, member)
    services.confirm_seat(enrollment_id=Enrollment.objects.get().pk, now=now, reason="Paid")
    assert deliver(now) == Tally(sent=1, not_owed=1)
    assert outcome(links.HOLD_EXPIRED) == (State.NOT_OWED, "The enrolment is active.")


def test_a_confirmation_is_owed_in_grace(smtp_sink: SmtpSink) -> None:
    confirmation(a_cohort(), a_member())
    Enrollment.objects.update(status=Status.GRACE)
    assert deliver(NOW) == Tally(sent=1)


@pytest.mark.parametrize(("kind", "each"), [(links.SEAT_CONFIRMED, 3), (links.SESSION_LINK, 3)])
def test_a_batch_of_mails_takes_the_same_queries_for_one_and_for_many(kind: str, each: int) -> None:
    cohort = a_cohort()
    for _ in range(5):
        a_confirmed_seat(cohort=cohort)
    links.promise_links(now=FIRST_SESSION - DAY)
    messages = list(Message.objects.filter(kind=kind))
    counts = []
    for batch in (messages[:1], messages):
        with CaptureQueriesContext(connection) as queries:
            rendered = kinds.render(kind, batch, FIRST_SESSION - DAY)
        assert [type(mail) for mail in rendered.values()] == [Mail] * len(batch)
        counts.append(len(queries))
    assert counts == [each, each]
