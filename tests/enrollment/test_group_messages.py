"""Writing to a group: who is owed a mail, when, and what arrives at a mail server."""

import datetime as dt
import html
import re
import uuid
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from enrollment import (
    group_messages,
    message_delivery,
    message_mails,
    services,
    tasks,
)
from enrollment.group_messages import GROUP_MESSAGE, Draft
from enrollment.message_delivery import Delivery
from enrollment.models import Enrollment, GroupMessage, Visit
from outbox import services as outbox
from outbox.models import Message
from outbox.services import Tally, deliver_due
from sessions.models import Cohort
from tests.enrollment.builders import (
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    session,
)
from tests.enrollment.test_mails import CLINICAL, text_of, words
from tests.enrollment.test_making_up import takes, thursdays
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

WORDS = "We start ten minutes later on Tuesday.\n\nBring a pen.\nSee you then."


def a_leader(cohort: Cohort) -> User:
    leader = a_member(role=Role.FACILITATOR, display_name="Dana Reyes")
    cohort.facilitators.add(leader)
    return leader


def a_message(
    cohort: Cohort,
    *,
    to: Sequence[Enrollment] | None = None,
    send_at: dt.datetime | None = None,
    body: str = WORDS,
    now: dt.datetime = NOW,
) -> GroupMessage:
    return group_messages.write(
        key=uuid.uuid4(),
        cohort=cohort,
        author=a_leader(cohort),
        draft=Draft(body=body, to=to, send_at=send_at),
        now=now,
    )


def seats(cohort: Cohort, *names: str) -> list[Enrollment]:
    """Confirmed seats; no other mail is waiting."""
    found = [a_confirmed_seat(cohort=cohort, member=a_member(display_name=n)) for n in names]
    Message.objects.exclude(kind=GROUP_MESSAGE).delete()
    return found


def owed() -> set[int]:
    return set(Message.objects.filter(kind=GROUP_MESSAGE).values_list("subject_id", flat=True))


def deliver(now: dt.datetime = NOW) -> Tally:
    return deliver_due(clock=lambda: now)


def withdraw(seat: Enrollment, now: dt.datetime = NOW) -> None:
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=now)


# --- Who is owed a mail, and when -------------------------------------------------------


def test_everybody_in_standing_is_owed_one_mail_at_once() -> None:
    cohort = a_cohort()
    sam, robin, gone = seats(cohort, "Sam", "Robin", "Gone")
    withdraw(gone)
    a_held_seat(cohort=cohort)
    seats(a_cohort(), "Elsewhere")
    message = a_message(cohort)
    assert owed() == {sam.pk, robin.pk}
    assert message.send_at == NOW
    assert GroupMessage.objects.get().promised_at == NOW
    assert set(Message.objects.values_list("occasion_id", "recipient_id")) == {
        (message.pk, sam.member_id),
        (message.pk, robin.member_id),
    }


def test_only_those_who_were_chosen_are_owed_a_mail() -> None:
    cohort = a_cohort()
    sam, robin, lou = seats(cohort, "Sam", "Robin", "Lou")
    withdraw(lou)
    a_message(cohort, to=[sam, lou])
    assert owed() == {sam.pk}
    assert robin.pk not in owed()


def test_nobody_chosen_is_nobody_and_not_everybody() -> None:
    cohort = a_cohort()
    seats(cohort, "Sam")
    a_message(cohort, to=[])
    assert owed() == set()


def test_a_scheduled_message_waits_for_its_minute_and_goes_once() -> None:
    cohort = a_cohort()
    seats(cohort, "Sam", "Robin")
    at = NOW + 3 * HOUR
    a_message(cohort, send_at=at)
    assert group_messages.promise_due_messages(now=at - MINUTE) == 0
    assert owed() == set()
    assert group_messages.promise_due_messages(now=at) == 2
    assert group_messages.promise_due_messages(now=at) == 0
    assert group_messages.promise_due_messages(now=at + MINUTE) == 0
    assert GroupMessage.objects.get().promised_at == at


def test_who_left_before_its_time_gets_nothing_and_who_joined_gets_it() -> None:
    cohort = a_cohort()
    sam, gone = seats(cohort, "Sam", "Gone")
    at = NOW + 3 * HOUR
    a_message(cohort, send_at=at)
    withdraw(gone, at - HOUR)
    late = a_confirmed_seat(cohort=cohort, now=at - MINUTE)
    group_messages.promise_due_messages(now=at)
    assert owed() == {sam.pk, late.pk}


def test_who_joins_after_it_went_out_does_not_get_it() -> None:
    cohort = a_cohort()
    (sam,) = seats(cohort, "Sam")
    a_message(cohort)
    a_confirmed_seat(cohort=cohort)
    group_messages.promise_due_messages(now=NOW + HOUR)
    assert owed() == {sam.pk}


def test_two_messages_to_one_person_are_two_mails() -> None:
    cohort = a_cohort()
    (sam,) = seats(cohort, "Sam")
    first, second = a_message(cohort), a_message(cohort, to=[sam])
    assert set(Message.objects.values_list("occasion_id", flat=True)) == {first.pk, second.pk}


def test_the_same_press_twice_stores_and_sends_once() -> None:
    cohort = a_cohort()
    seats(cohort, "Sam")
    key, leader = uuid.uuid4(), a_leader(cohort)
    draft = Draft(body=WORDS, to=None, send_at=None)
    first, second = (
        group_messages.write(key=key, cohort=cohort, author=leader, draft=draft, now=NOW)
        for _ in range(2)
    )
    assert first == second == GroupMessage.objects.get()
    assert Message.objects.count() == 1


def test_a_key_of_another_group_tells_nothing_of_it() -> None:
    message, other = a_message(a_cohort()), a_cohort()
    draft = Draft(body="Other words", to=None, send_at=None)
    with pytest.raises(GroupMessage.DoesNotExist):
        group_messages.write(
            key=message.public_id, cohort=other, author=a_leader(other), draft=draft, now=NOW
        )
    assert GroupMessage.objects.get() == message


def test_the_clock_promises_what_is_due_and_kicks_the_outbox_for_it(
    monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    kicks: list[bool] = []
    monkeypatch.setattr(tasks, "kick", lambda: kicks.append(True))
    cohort = a_cohort()
    seats(cohort, "Sam", "Robin")
    a_message(cohort, send_at=NOW + HOUR)
    assert (tasks.promise_due_messages(), kicks) == (0, [])
    clock.move_to(NOW + HOUR)
    assert (tasks.promise_due_messages(), kicks) == (2, [True])
    names = [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    assert names.count("enrollment.tasks.promise_due_messages") == 1


def test_the_tick_costs_what_is_due_and_not_what_was_written() -> None:
    cohort = a_cohort()
    seats(cohort, "Sam")

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            group_messages.promise_due_messages(now=NOW)
        return len(captured)

    for _ in range(3):
        a_message(cohort)
        a_message(cohort, send_at=NOW + HOUR)
        group_messages.cancel(message=a_message(cohort, send_at=NOW + HOUR), now=NOW)
    GroupMessage.objects.exclude(cancelled_at=None).update(send_at=NOW)
    assert cost() == 1
    GroupMessage.objects.filter(promised_at=None).update(send_at=NOW)
    # Each: a savepoint, whether it may go out (four), the claim, the promises, and its end.
    assert cost() == 1 + 3 * 8
    assert cost() == 1


# --- Cancelling -------------------------------------------------------------------------


def test_a_cancelled_message_never_goes_out() -> None:
    cohort = a_cohort()
    seats(cohort, "Sam")
    message = a_message(cohort, send_at=NOW + HOUR)
    assert group_messages.cancel(message=message, now=NOW) is True
    assert group_messages.cancel(message=message, now=NOW) is False
    assert group_messages.promise_due_messages(now=NOW + HOUR) == 0
    assert owed() == set()


def test_what_waits_for_the_mail_server_can_still_be_stopped(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort()
    sam, robin = seats(cohort, "Robin", "Sam")
    smtp_sink.refused = {robin.member.email: "450 4.2.0 Later"}
    message = a_message(cohort)
    assert deliver() == Tally(sent=1, put_off=1)
    assert group_messages.cancel(message=message, now=NOW) is True
    smtp_sink.refused = {}
    assert deliver(NOW + HOUR) == Tally(not_owed=1)
    assert [mail.rcpt_tos for mail in smtp_sink.messages] == [[sam.member.email]]
    message.refresh_from_db()
    assert message_delivery.deliveries(message).people == [
        Delivery("Robin", "sent", "Sent", NOW),
        Delivery("Sam", "stopped", "Not sent. The message was cancelled."),
    ]


def test_what_has_gone_out_cannot_be_cancelled(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort()
    seats(cohort, "Sam")
    message = a_message(cohort)
    deliver()
    assert group_messages.cancel(message=message, now=NOW) is False
    message.refresh_from_db()
    assert message.cancelled_at is None


def test_cancelled_twice_it_says_once_that_something_was_left_to_stop() -> None:
    cohort = a_cohort()
    seats(cohort, "Sam")
    message = a_message(cohort)
    assert group_messages.cancel(message=message, now=NOW) is True
    assert group_messages.cancel(message=message, now=NOW + HOUR) is False
    message.refresh_from_db()
    assert message.cancelled_at == NOW


# --- What changes between writing and its time ------------------------------------------


def outcome(cohort: Cohort) -> tuple[set[int], str, str]:
    """Who is owed the group's one message once its time has come, and what its list says."""
    group_messages.promise_due_messages(now=NOW + HOUR)
    [row] = message_delivery.written_to(cohort)
    return owed(), row.obstacle, row.message.obstacle


def test_a_message_of_somebody_who_does_not_lead_the_group_any_more_is_not_sent() -> None:
    cohort = a_cohort()
    seats(cohort, "Sam")
    message = a_message(cohort, send_at=NOW + HOUR)
    cohort.facilitators.set([a_member(role=Role.FACILITATOR, display_name="Mei Tanaka")])
    words = "Not sent: Dana Reyes does not lead this group any more."
    assert outcome(cohort) == (set(), words, "author")
    message.refresh_from_db()
    assert (message.promised_at, message.cancelled_at) == (None, NOW + HOUR)
    assert group_messages.can_be_cancelled(message) is False
    assert in_words(message) == {"Sam": "Not sent."}
    assert group_messages.promise_due_messages(now=NOW + 2 * HOUR) == 0


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.MEMBER}])
def test_a_message_of_somebody_who_may_not_sign_in_or_lead_is_not_sent(
    change: dict[str, Any],
) -> None:
    cohort = a_cohort()
    seats(cohort, "Sam")
    message = a_message(cohort, send_at=NOW + HOUR)
    User.objects.filter(pk=message.author_id).update(**change)
    assert (outcome(cohort)[0], outcome(cohort)[2]) == (set(), "author")


def test_a_message_of_an_admin_or_of_somebody_who_came_back_goes_out() -> None:
    cohort = a_cohort()
    [sam] = seats(cohort, "Sam")
    message = a_message(cohort, send_at=NOW + HOUR)
    cohort.facilitators.clear()
    User.objects.filter(pk=message.author_id).update(role=Role.ADMIN)
    assert outcome(cohort) == ({sam.pk}, "", "")
    Message.objects.all().delete()
    other = a_cohort()
    [robin] = seats(other, "Robin")
    late = a_message(other, send_at=NOW + HOUR)
    other.facilitators.clear()
    other.facilitators.add(late.author)
    assert outcome(other) == ({robin.pk}, "", "")


def test_a_message_that_names_somebody_who_has_joined_since_is_not_sent() -> None:
    cohort = a_cohort()
    seats(cohort, "Sam")
    a_message(cohort, send_at=NOW + HOUR, body="See you all, and Zebulon too.")
    seats(cohort, "Zebulon")
    words = "Not sent: it names somebody who has joined since."
    assert outcome(cohort) == (set(), words, "names")


def test_the_one_it_is_for_and_its_leaders_may_still_be_named_when_its_time_comes() -> None:
    cohort = a_cohort()
    sam, _ = seats(cohort, "Sam", "Robin")
    a_message(cohort, to=[sam], send_at=NOW + HOUR, body="Sam, see you. Dana")
    assert outcome(cohort) == ({sam.pk}, "", "")


def named(cohort: Cohort) -> bool:
    people = group_messages.people(cohort=cohort, author=a_leader(cohort))
    found = people.findings(body="It is good that Zebulon comes.", to=None)
    assert people.named(body="It is good that Zebulon comes.", to=None) is bool(found)
    return bool(found)


def test_who_visits_a_session_is_not_named_but_who_gave_the_chair_back_may_be() -> None:
    host, elsewhere = a_cohort(), thursdays()
    [zebulon] = seats(elsewhere, "Zebulon")
    assert named(host) is False
    visit = takes(zebulon, session(host, 1))
    assert named(host) is True
    Visit.objects.filter(pk=visit.pk).update(given_back_at=NOW)
    assert named(host) is False
    assert [one.pk for one in standing(elsewhere)] == [zebulon.pk]
    assert standing(host) == []


def standing(cohort: Cohort) -> list[Enrollment]:
    return list(group_messages.people(cohort=cohort, author=a_leader(cohort)).standing)


def test_whoever_is_about_to_join_is_not_named_and_gets_no_mail_yet() -> None:
    cohort = a_cohort()
    a_held_seat(cohort=cohort, member=a_member(display_name="Zebulon"))
    assert named(cohort) is True
    assert standing(cohort) == []


# --- The mail ---------------------------------------------------------------------------


def received(sink: SmtpSink, body: str = WORDS, **member: Any) -> EmailMessage:
    """The one mail to Ada in Los Angeles, in a group whose every name would tell something."""
    cohort = a_cohort(name="Borderline DBT Tuesdays", slug="borderline-dbt-tuesdays")
    seats(cohort, "Bob Underhill")
    fields = {"display_name": "Ada", "time_zone": "America/Los_Angeles", **member}
    ada = a_confirmed_seat(cohort=cohort, member=a_member("ada@example.org", **fields))
    Message.objects.all().delete()
    a_message(cohort, to=[ada], body=body)
    assert deliver() == Tally(sent=1)
    (mail,) = sink.messages
    assert mail.rcpt_tos == ["ada@example.org"]
    return mail.message


def test_the_exact_mail(smtp_sink: SmtpSink) -> None:
    message = received(smtp_sink)
    assert message["Subject"] == "A note about your Tuesday sessions"
    assert text_of(message).startswith(
        "Hello Ada,\n"
        "\n"
        "A note from the people who lead your Tuesday sessions:\n"
        "\n"
        f"{WORDS}\n"
        "\n"
        "Your sessions:\n"
        "http://testserver/my/\n"
        "\n"
        "If you reply, your answer goes to the practice and to nobody in the group.\n"
    )
    rich = text_of(message, "html")
    assert "<p>We start ten minutes later on Tuesday.</p>" in re.sub(r' style="[^"]*"', "", rich)
    assert "Bring a pen.<br>See you then.</p>" in rich
    assert 'href="http://testserver/my/"' in rich


def test_replies_go_to_the_practice_and_the_mail_to_one_person(smtp_sink: SmtpSink) -> None:
    message = received(smtp_sink)
    assert message["Reply-To"] == settings.SUPPORT_EMAIL
    assert (message["To"], message["Cc"], message["Bcc"]) == ("ada@example.org", None, None)
    assert message["From"] == settings.DEFAULT_FROM_EMAIL


@pytest.mark.parametrize("body", ["plain", "html"])
def test_the_mail_carries_the_safety_foot(smtp_sink: SmtpSink, body: str) -> None:
    said = text_of(received(smtp_sink), body)
    assert [number for number in ("911", "988", "741741") if number not in said] == []


def test_the_mail_names_nobody_and_nothing_clinical_of_its_own(smtp_sink: SmtpSink) -> None:
    said = words(received(smtp_sink)).lower()
    telling = ("bob", "underhill", "dana", "reyes", "borderline", "tuesdays", "/join/", *CLINICAL)
    assert [name for name in telling if name in said] == []


@pytest.mark.parametrize(
    ("zone", "weekday"), [("America/New_York", "Tuesday"), ("Asia/Tokyo", "Wednesday")]
)
def test_the_subject_names_the_weekday_on_the_readers_clock(
    smtp_sink: SmtpSink, zone: str, weekday: str
) -> None:
    message = received(smtp_sink, time_zone=zone)
    assert message["Subject"] == f"A note about your {weekday} sessions"


def test_without_a_session_or_a_name_the_mail_is_still_whole(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort()
    seats(cohort, "")
    cohort.group_sessions.update(cancelled_at=NOW)
    a_message(cohort)
    deliver()
    (mail,) = smtp_sink.messages
    assert mail.message["Subject"] == "A note about your sessions"
    assert text_of(mail.message).startswith(
        "Hello there,\n\nA note from the people who lead your sessions:"
    )


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script> & <b>bold</b>",
        "{{ member.email }} {% include 'x' %} {{ 1|add:1 }}",
        "A line\nBcc: eve@example.net\n\nSubject: Other",
        ".\n..\nFrom here\n.",
        "x" * 2000,
        "Grüße, José, 100 % “so” 🙂",
    ],
)
def test_whatever_was_written_arrives_as_words(smtp_sink: SmtpSink, body: str) -> None:
    message = received(smtp_sink, body=body)
    assert f"\n\n{body}\n\nYour sessions:" in text_of(message)
    assert (message["Subject"], message["Bcc"]) == ("A note about your Tuesday sessions", None)
    rich = text_of(message, "html")
    assert "<script" not in rich
    assert "<b>" not in rich
    without = html.unescape(re.sub(r"<[^>]+>", "", rich))
    for line in body.split("\n"):
        assert line in without


def test_a_name_is_no_more_than_a_name(smtp_sink: SmtpSink) -> None:
    message = received(smtp_sink, display_name="<i>{{ body }}</i>")
    assert text_of(message).startswith("Hello <i>{{ body }}</i>,")
    assert "&lt;i&gt;{{ body }}&lt;/i&gt;" in text_of(message, "html")


def test_who_left_between_promise_and_sending_gets_nothing(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort()
    sam, gone = seats(cohort, "Sam", "Gone")
    message = a_message(cohort)
    withdraw(gone)
    assert deliver() == Tally(sent=1, not_owed=1)
    assert [mail.rcpt_tos for mail in smtp_sink.messages] == [[sam.member.email]]
    assert message_delivery.deliveries(message).people == [
        Delivery("Gone", "stopped", "Not sent. They had no confirmed seat any more."),
        Delivery("Sam", "sent", "Sent", NOW),
    ]


def test_a_batch_is_rendered_in_as_many_queries_for_thirty_as_for_one() -> None:
    def cost() -> int:
        batch = list(Message.objects.all())
        with CaptureQueriesContext(connection) as captured:
            answers = message_mails.group_message(batch, NOW)
        assert len(answers) == len(batch)
        return len(captured)

    cohort = a_cohort()
    seats(cohort, "Sam")
    a_message(cohort)
    assert cost() == 3
    for _ in range(3):
        group = a_cohort(capacity=10)
        seats(group, *map(str, range(10)))
        a_message(group)
    assert Message.objects.count() == 31
    assert cost() == 3


# --- What became of it ------------------------------------------------------------------


def in_words(message: GroupMessage) -> dict[str, str]:
    message.refresh_from_db()
    return {one.name: one.words for one in message_delivery.deliveries(message).people}


def test_before_its_time_a_message_says_who_waits_and_who_gets_nothing() -> None:
    cohort = a_cohort()
    ann, ben, _ = seats(cohort, "Ann", "Ben", "Cleo")
    chosen = a_message(cohort, to=[ann, ben], send_at=NOW + HOUR)
    everybody = a_message(cohort, send_at=NOW + HOUR)
    withdraw(ben)
    gets_none = "Gets no mail while they have no confirmed seat."
    assert in_words(chosen) == {"Ann": "Waiting for its time", "Ben": gets_none}
    assert in_words(everybody) == dict.fromkeys(("Ann", "Cleo"), "Waiting for its time")
    group_messages.cancel(message=chosen, now=NOW)
    assert set(in_words(chosen).values()) == {"Not sent. The message was cancelled."}


def test_each_state_of_a_mail_in_words(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort()
    people = seats(cohort, "Ann", "Ben", "Cleo", "Dora", "Eli")
    withdraw(people[4])
    message = a_message(cohort, to=people)
    not_seated = "Not sent. They had no confirmed seat when it went out."
    waiting = dict.fromkeys(("Ann", "Ben", "Cleo", "Dora"), "Waiting to be sent")
    assert in_words(message) == {**waiting, "Eli": not_seated}
    withdraw(people[3])
    smtp_sink.refused = {
        people[1].member.email: "550 5.1.1 No such person",
        people[2].member.email: "450 4.2.0 Greylisted",
    }
    deliver()
    assert in_words(message) == {
        "Ann": "Sent",
        "Ben": "Could not be delivered. An admin can look why.",
        "Cleo": "Not taken by their mail server yet. We keep trying.",
        "Dora": "Not sent. They had no confirmed seat any more.",
        "Eli": not_seated,
    }
    (row,) = message_delivery.written_to(cohort)
    assert row.counts == ["1 sent", "1 waiting", "1 could not be delivered", "1 not sent"]
    assert row.to == ["Ann", "Ben", "Cleo", "Dora", "Eli"]
    group_messages.cancel(message=message, now=NOW)
    assert in_words(message)["Cleo"] == "Will not be sent. The message was cancelled."


def test_a_mail_about_something_else_is_no_part_of_a_message() -> None:
    cohort = a_cohort()
    (sam,) = seats(cohort, "Sam")
    message = a_message(cohort, send_at=NOW + HOUR)
    outbox.promise(
        kind="session-link",
        recipient_id=sam.member_id,
        subject_id=sam.pk,
        occasion_id=message.pk,
        now=NOW,
    )
    assert in_words(message) == {"Sam": "Waiting for its time"}
    assert message_delivery.written_to(cohort)[0].counts == []


def test_the_index_of_due_messages_is_used_however_many_went_out() -> None:
    cohort = a_cohort()
    leader = a_leader(cohort)
    GroupMessage.objects.bulk_create(
        GroupMessage(
            cohort=cohort,
            author=leader,
            body=WORDS,
            everyone=True,
            created_at=NOW,
            send_at=NOW,
            promised_at=None if number == 7 else NOW,
        )
        for number in range(2000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE enrollment_groupmessage")
    due = GroupMessage.objects.filter(promised_at=None, cancelled_at=None, send_at__lte=NOW)
    assert "group_message_to_go_out" in due.order_by("send_at", "pk").explain()
