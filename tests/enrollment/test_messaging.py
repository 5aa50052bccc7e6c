"""The pages on which a leader writes to a group: ask, look, send, and see what became of it."""

import datetime as dt
import html
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from enrollment import group_messages, services
from enrollment.models import Enrollment, GroupMessage
from enrollment.views import messaging
from outbox.models import Message
from outbox.services import deliver_due
from sessions.models import Cohort
from tests.enrollment.builders import (
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
)
from tests.enrollment.pages import said
from tests.enrollment.test_group_messages import a_leader, a_message, owed, seats
from tests.enrollment.test_mails import text_of
from tests.smtp_sink import SmtpSink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "kicks")]

WORDS = "We start ten minutes later.\n\nBring a pen <3 & tea."


@pytest.fixture
def kicks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """How often the outbox was kicked."""
    kicked: list[bool] = []
    monkeypatch.setattr(messaging, "kick", lambda: kicked.append(True))
    return kicked


@pytest.fixture
def cohort() -> Cohort:
    return a_cohort()


@pytest.fixture
def leading(client: Client, cohort: Cohort) -> Client:
    client.force_login(a_leader(cohort))
    return client


def at(name: str, cohort: Cohort, *more: object) -> str:
    return reverse(f"enrollment:{name}", args=[cohort.slug, *more])


def typed(**changes: object) -> dict[str, object]:
    return {"to_whom": "everyone", "body": WORDS, "when": "now", **changes}


def later(at: dt.datetime = NOW + HOUR, **changes: object) -> dict[str, object]:
    local = at.astimezone(dt.timezone(-4 * HOUR))  # New York in summer
    return typed(when="later", day=f"{local:%Y-%m-%d}", wall_time=f"{local:%H:%M}", **changes)


def shown(response: Any, press: str = "confirm") -> dict[str, list[str]]:
    """What a preview would send with one of its two buttons."""
    page = response.content.decode()
    data: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page):
        data.setdefault(name, []).append(html.unescape(value).replace("\n", "\r\n"))
    [value] = re.findall(rf'<button[^>]* name="{press}" value="([^"]*)"', page)
    return {**data, press: [value]}


# --- Who may see it ---------------------------------------------------------------------

PAGES = ("messages", "message_new", "message", "message_cancel")
READERS = ("anonymous", "member", "other member", "leader", "other leader", "admin")


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_for_those_who_lead_the_group(
    name: str, reader: str, method: str, client: Client, cohort: Cohort
) -> None:
    (seat,) = seats(cohort, "Sam")
    message = a_message(cohort, send_at=NOW + HOUR)
    readers: dict[str, Callable[[], User]] = {
        "member": lambda: seat.member,
        "other member": a_member,
        "leader": lambda: a_leader(cohort),
        "other leader": lambda: a_leader(a_cohort()),
        "admin": lambda: a_member(role=Role.ADMIN),
    }
    if reader != "anonymous":
        client.force_login(readers[reader]())
    more = [message.public_id] if name in ("message", "message_cancel") else []
    response = getattr(client, method)(at(name, cohort, *more))
    message.refresh_from_db()
    may = reader in ("leader", "admin")
    assert (message.cancelled_at is not None) is (
        may and name == "message_cancel" and method == "post"
    )
    if reader == "anonymous":
        assert response["Location"].startswith(reverse("account_login"))
    elif method == "post" and name in ("messages", "message"):
        assert response.status_code == 405
    elif not may:
        assert response.status_code == 404
    else:
        posted = {"message_new": 422, "message_cancel": 302}
        assert response.status_code == (posted[name] if method == "post" else 200)


@pytest.mark.parametrize("name", ["message", "message_cancel"])
def test_a_message_of_another_group_is_not_found_under_this_one(
    name: str, leading: Client, cohort: Cohort
) -> None:
    other = a_message(a_cohort(), send_at=NOW + HOUR)
    for key in (other.public_id, uuid.uuid4()):
        assert leading.get(at(name, cohort, key)).status_code == 404
        assert leading.post(at(name, cohort, key)).status_code in (404, 405)
    other.refresh_from_db()
    assert other.cancelled_at is None


def test_the_roster_leads_here_and_the_list_to_a_new_message(
    leading: Client, cohort: Cohort
) -> None:
    roster = leading.get(at("roster", cohort)).content.decode()
    assert f'href="{at("messages", cohort)}"' in roster
    page = leading.get(at("messages", cohort))
    assert "Nobody has written to this group yet." in said(page)
    assert f'href="{at("message_new", cohort)}"' in page.content.decode()


def test_a_group_that_was_put_away_keeps_its_messages(leading: Client, cohort: Cohort) -> None:
    seats(cohort, "Sam")
    message = a_message(cohort)
    Cohort.objects.filter(pk=cohort.pk).update(status=Cohort.Status.ARCHIVED)
    assert "1 waiting" in said(leading.get(at("messages", cohort)))
    assert "ten minutes later" in said(leading.get(at("message", cohort, message.public_id)))


# --- Ask, look, send --------------------------------------------------------------------


def test_asked_looked_at_and_sent(leading: Client, cohort: Cohort, kicks: list[bool]) -> None:
    robin, sam = seats(cohort, "Robin", "Sam")
    a_held_seat(cohort=cohort, member=a_member(display_name="Unpaid"))
    path = at("message_new", cohort)
    form = said(leading.get(path))
    assert "Robin Sam" in form
    assert "Unpaid" not in form
    preview = leading.post(path, typed())
    words = said(preview)
    assert preview.status_code == 200
    assert "2 members get one mail each, right away." in words
    assert "Robin, Sam" in words
    assert "Subject: A note about your Tuesday sessions" in words
    assert "Hello Robin, A note from the people who lead your Tuesday sessions: We start" in words
    assert "pen <3 & tea. Your sessions:" in words
    assert "988" in words
    assert (GroupMessage.objects.count(), kicks) == (0, [])
    done = leading.post(path, shown(preview), follow=True)
    assert "The message is on its way." in done.content.decode()
    assert "Robin Waiting to be sent" in said(done)
    message = GroupMessage.objects.get()
    assert done.redirect_chain == [(message.get_absolute_url(), 302)]
    assert (message.body, message.everyone, message.send_at) == (WORDS, True, NOW)
    assert message.author == cohort.facilitators.get()
    assert owed() == {robin.pk, sam.pk}
    assert kicks == [True]


def test_the_preview_is_the_very_mail(leading: Client, cohort: Cohort, smtp_sink: SmtpSink) -> None:
    a_confirmed_seat(
        cohort=cohort, member=a_member(display_name="Robin <3", time_zone="Asia/Tokyo")
    )
    Message.objects.all().delete()
    preview = leading.post(at("message_new", cohort), typed())
    leading.post(at("message_new", cohort), shown(preview))
    deliver_due(clock=lambda: NOW)
    (mail,) = smtp_sink.messages
    seen = preview.context["mail"]
    assert seen.subject == mail.message["Subject"] == "A note about your Wednesday sessions"
    assert text_of(mail.message) == seen.text
    for part in (seen.subject, seen.text):
        assert html.escape(part) in preview.content.decode()


def test_to_those_who_are_chosen_only(leading: Client, cohort: Cohort) -> None:
    robin, sam, _ = seats(cohort, "Robin", "Sam", "Zoe")
    path = at("message_new", cohort)
    chosen = typed(to_whom="some", chosen=[robin.public_id, sam.public_id])
    preview = leading.post(path, chosen)
    assert "2 members get one mail each, right away. Robin, Sam The mail" in said(preview)
    page = said(leading.post(path, shown(preview), follow=True))
    assert "To Robin, Sam · written by Dana Reyes" in page
    assert "Zoe" not in page
    assert owed() == {robin.pk, sam.pk}


def test_scheduled_on_the_groups_clock(leading: Client, cohort: Cohort, clock: Any) -> None:
    (sam,) = seats(cohort, "Sam")
    path = at("message_new", cohort)
    preview = leading.post(path, typed(when="later", day="2026-11-03", wall_time="09:30"))
    words = said(preview)
    assert "1 member gets one mail, on Tuesday, November 3, 9:30 AM Eastern." in words
    assert "Whoever joins before then gets it too, and whoever leaves does not." in words
    page = leading.post(path, shown(preview), follow=True)
    assert "The message is scheduled." in page.content.decode()
    assert "Sam Waiting for its time" in said(page)
    message = GroupMessage.objects.get()
    assert message.send_at == dt.datetime(2026, 11, 3, 14, 30, tzinfo=dt.UTC)  # winter by then
    assert owed() == set()
    assert group_messages.promise_due_messages(now=message.send_at) == 1
    assert owed() == {sam.pk}


def test_the_time_is_also_said_on_the_readers_clock(client: Client) -> None:
    cohort = a_cohort(time_zone="America/Los_Angeles")
    client.force_login(a_leader(cohort))
    preview = client.post(
        at("message_new", cohort), typed(when="later", day="2026-10-05", wall_time="09:30")
    )
    assert "Monday, October 5, 12:30 PM Eastern (9:30 AM Pacific)" in said(preview)


def test_a_message_may_be_planned_for_a_group_that_nobody_has_joined_yet(
    leading: Client, cohort: Cohort
) -> None:
    words = said(leading.post(at("message_new", cohort), later()))
    assert "0 members get one mail each" in words
    assert "Hello there," in words
    refused = leading.post(at("message_new", cohort), typed())
    assert refused.status_code == 422
    assert "Nobody has a confirmed seat yet" in said(refused)


SLIPS: list[tuple[dict[str, object], str]] = [
    ({"to_whom": ""}, "Choose who gets it."),
    ({"to_whom": "nobody"}, "Select a valid choice"),
    ({"to_whom": "some", "chosen": []}, "Tick at least one person."),
    ({"to_whom": "some", "chosen": [uuid.uuid4()]}, "Somebody you chose has no confirmed seat"),
    ({"to_whom": "some", "chosen": ["x"]}, "Somebody you chose has no confirmed seat"),
    ({"body": ""}, "Write your message."),
    ({"body": " \r\n "}, "Write your message."),
    ({"body": "\u200b\r\n\u202e"}, "Write your message."),
    ({"body": "x" * 2001}, "at most 2000 characters"),
    ({"body": "a\x00b"}, "Null characters are not allowed."),
    ({"when": ""}, "Choose when it goes out."),
    ({"when": "later"}, "Choose the date."),
    ({"when": "later", "day": "2026-10-01"}, "Choose the time."),
    ({"when": "later", "day": "soon", "wall_time": "9"}, "Enter a date as 2026-12-01."),
    ({"when": "later", "day": "2026-10-01", "wall_time": "25:00"}, "Enter a time as 18:00."),
    ({"when": "later", "day": "2026-09-28", "wall_time": "09:00"}, "That time has passed."),
    ({"when": "later", "day": "2026-09-29", "wall_time": "11:00"}, "That time has passed."),
    ({"when": "later", "day": "2026-12-29", "wall_time": "09:00"}, "more than 90 days ahead"),
    ({"when": "later", "day": "9999-12-31", "wall_time": "23:59"}, "more than 90 days ahead"),
    ({"when": "later", "day": "0001-01-01", "wall_time": "00:00"}, "That time has passed."),
    ({"body": "Thank you, Sam."}, "“Sam” is the name of a member."),
    ({"body": "At zoom.us/j/1"}, "“zoom.us/j/1” is a link. Members come in by their private"),
    ({"body": "Your therapist"}, "“therapist” may show on a screen that others see."),
]


@pytest.mark.parametrize(("changes", "words"), SLIPS)
def test_a_slip_is_said_at_its_field_and_nothing_is_lost(
    changes: dict[str, object], words: str, leading: Client, cohort: Cohort
) -> None:
    (sam,) = seats(cohort, "Sam")
    for more in ({}, {"confirm": str(uuid.uuid4())}):
        data = {**typed(chosen=[sam.public_id]), **changes, **more}
        response = leading.post(at("message_new", cohort), data)
        page = response.content.decode()
        assert response.status_code == 422
        assert words in said(response)
        body = html.escape(str(data["body"]).strip(), quote=True)
        assert "body" in changes or body in page
        assert "chosen" in changes or re.search(rf'value="{sam.public_id}"[^>]* checked', page)
    assert not GroupMessage.objects.exists()


def test_everything_that_must_not_be_mailed_is_said_at_once(
    leading: Client, cohort: Cohort
) -> None:
    seats(cohort, "Sam")
    body = "Sam, DBT is at https://zoom.us/j/1. Call 212 555 0134 or write to lou@example.org."
    response = leading.post(at("message_new", cohort), typed(body=body))
    assert len(response.context["form"].errors["body"]) == 5
    assert html.escape(body) in response.content.decode()


def test_one_persons_own_name_may_stand_in_a_message_to_them_alone(
    leading: Client, cohort: Cohort
) -> None:
    robin, sam = seats(cohort, "Robin", "Sam")
    path = at("message_new", cohort)

    def status(*chosen: Enrollment) -> int:
        keys = [one.public_id for one in chosen]
        data = typed(body="Well done, Sam. Yours, Dana", to_whom="some", chosen=keys)
        return leading.post(path, data).status_code

    assert (status(sam), status(robin), status(robin, sam)) == (200, 422, 422)


def test_somebody_who_has_left_is_not_named_either(leading: Client, cohort: Cohort) -> None:
    gone, _ = seats(cohort, "Gonzo", "Sam")
    services.withdraw(enrollment_id=gone.pk, actor=gone.member, reason="Left", now=NOW)
    response = leading.post(at("message_new", cohort), typed(body="Gonzo has left us."))
    assert "“Gonzo” is the name of a member." in said(response)


def test_line_ends_count_once(leading: Client, cohort: Cohort) -> None:
    seats(cohort, "Sam")
    body = "x\r\n" * 999 + "xy"  # 2000 characters as people count them
    assert leading.post(at("message_new", cohort), typed(body=body)).status_code == 200


def test_going_back_keeps_everything_that_was_typed(leading: Client, cohort: Cohort) -> None:
    _, sam, zoe = seats(cohort, "Robin", "Sam", "Zoe")
    path = at("message_new", cohort)
    ticked = [sam.public_id, zoe.public_id]
    preview = leading.post(path, later(to_whom="some", chosen=ticked))
    response = leading.post(path, shown(preview, "back"))
    page = re.sub(r"\s+", " ", response.content.decode())
    assert response.status_code == 200
    assert "Bring a pen &lt;3 &amp; tea.</textarea>" in page
    assert 'value="2026-09-29"' in page
    assert 'value="12:00"' in page
    checked = re.findall(r'value="([^"]+)"[^>]* checked', page)
    assert checked == ["some", *map(str, ticked), "later"]


def test_pressing_twice_sends_once(leading: Client, cohort: Cohort) -> None:
    seats(cohort, "Sam")
    path = at("message_new", cohort)
    press = shown(leading.post(path, typed()))
    first, second = leading.post(path, press), leading.post(path, press)
    assert first["Location"] == second["Location"]
    assert GroupMessage.objects.count() == 1
    assert Message.objects.count() == 1


def test_each_preview_is_a_message_of_its_own(leading: Client, cohort: Cohort) -> None:
    """Whoever goes back with the browser and sends other words sends a second message."""
    seats(cohort, "Sam")
    path = at("message_new", cohort)
    for body in ("First words", "Other words"):
        leading.post(path, shown(leading.post(path, typed(body=body))))
    assert set(GroupMessage.objects.values_list("body", flat=True)) == {
        "First words",
        "Other words",
    }


def test_a_press_that_no_preview_made_shows_the_preview(leading: Client, cohort: Cohort) -> None:
    seats(cohort, "Sam")
    elsewhere = a_message(a_cohort())
    for key in ("1", "", str(elsewhere.public_id)):
        response = leading.post(at("message_new", cohort), typed(confirm=key))
        assert response.status_code == 200
        assert "Nothing has gone out yet." in said(response)
    assert GroupMessage.objects.get() == elsewhere


def test_a_time_that_passes_before_the_press_is_said(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    seats(cohort, "Sam")
    path = at("message_new", cohort)
    press = shown(leading.post(path, later(NOW + 10 * MINUTE)))
    clock.move_to(NOW + 10 * MINUTE)
    response = leading.post(path, press)
    assert response.status_code == 422
    assert "That time has passed." in said(response)
    assert not GroupMessage.objects.exists()


def test_pages_run_nothing_that_was_typed(leading: Client, cohort: Cohort) -> None:
    seats(cohort, "<u>Zed</u>")
    body = '<script>alert(2)</script> {{ 1|add:1 }} "><img src=x>'
    preview = leading.post(at("message_new", cohort), typed(body=body))
    pages = [preview, leading.post(at("message_new", cohort), shown(preview), follow=True)]
    message = GroupMessage.objects.get()
    assert message.body == body
    pages.append(leading.get(at("messages", cohort)))
    pages.append(leading.get(at("message_new", cohort)))
    for page in pages:
        assert "<script>alert" not in page.content.decode()
        assert "<img src=x" not in page.content.decode()
        assert "<u>Zed" not in page.content.decode()


# --- Afterwards -------------------------------------------------------------------------


def test_the_list_and_the_message_say_what_became_of_it_without_an_address(
    leading: Client, cohort: Cohort, smtp_sink: SmtpSink
) -> None:
    ann, ben = seats(cohort, "Ann", "Ben")
    smtp_sink.refused = {ben.member.email: "550 5.1.1 No such person"}
    message = a_message(cohort)
    deliver_due(clock=lambda: NOW)
    overview = leading.get(at("messages", cohort))
    page = leading.get(at("message", cohort, message.public_id))
    assert "Went out" in said(overview)
    assert "To everybody · from Dana Reyes · 1 sent · 1 could not be delivered" in said(overview)
    assert "Ann Sent Tuesday, September 29, 11:00 AM Eastern" in said(page)
    assert "Ben Could not be delivered." in said(page)
    for response in (overview, page):
        for hidden in (ann.member.email, ben.member.email, "No such person"):
            assert hidden not in response.content.decode()
    assert "Cancel this message" not in said(page)


def test_cancelling_passes_a_page_of_its_own(leading: Client, cohort: Cohort) -> None:
    seats(cohort, "Sam")
    message = a_message(cohort, send_at=NOW + HOUR)
    path = at("message_cancel", cohort, message.public_id)
    page = leading.get(at("message", cohort, message.public_id)).content.decode()
    assert f'href="{path}"' in page
    assert "Cancel this message?" in said(leading.get(path))
    done = leading.post(path, follow=True)
    assert "The message is cancelled." in done.content.decode()
    assert "Sam Not sent. The message was cancelled." in said(done)
    again = leading.post(path, follow=True)
    assert "There was nothing left to cancel" in again.content.decode()
    assert "There was nothing left to cancel" in leading.get(path, follow=True).content.decode()
    assert "Cancelled" in said(leading.get(at("messages", cohort)))


def test_a_message_that_could_not_go_out_says_why_and_leads_to_a_new_one(
    client: Client, cohort: Cohort
) -> None:
    seats(cohort, "Sam")
    message = a_message(cohort, send_at=NOW + HOUR)
    cohort.facilitators.set([a_member(role=Role.FACILITATOR, display_name="Mei Tanaka")])
    group_messages.promise_due_messages(now=NOW + HOUR)
    client.force_login(cohort.facilitators.get())
    why = "Not sent: Dana Reyes does not lead this group any more."
    listed = said(client.get(at("messages", cohort)))
    assert why in listed
    assert "Cancelled" not in listed
    response = client.get(at("message", cohort, message.public_id))
    page = said(response)
    assert why in page
    assert "A message that was not sent" in page
    assert "cancelled" not in page.lower()
    assert at("message_new", cohort) in response.content.decode()


def test_the_latest_message_comes_first(leading: Client, cohort: Cohort) -> None:
    seats(cohort, "Sam")
    a_message(cohort, body="Now")
    a_message(cohort, body="Tomorrow", send_at=NOW + 24 * HOUR)
    a_message(cohort, body="Soon", send_at=NOW + HOUR)
    rows = leading.get(at("messages", cohort)).context["rows"]
    assert [row.message.body for row in rows] == ["Tomorrow", "Soon", "Now"]


# --- What it costs ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "most"),
    [("messages", 10), ("message_new", 9), ("preview", 10), ("message", 10), ("message_cancel", 8)],
)
def test_a_page_takes_as_many_queries_for_thirty_as_for_one(
    name: str, most: int, client: Client
) -> None:
    def cost(members: int, letters: int) -> int:
        cohort = a_cohort(capacity=members)
        client.force_login(a_leader(cohort))
        found = seats(cohort, *(f"Member {number}" for number in range(members)))
        for number in range(letters):
            scheduled = NOW + HOUR if number % 2 else None
            message = a_message(cohort, to=found, send_at=scheduled, body=f"Words {number}")
        more = [message.public_id] if name in ("message", "message_cancel") else []
        with CaptureQueriesContext(connection) as captured:
            if name == "preview":
                response = client.post(at("message_new", cohort), typed())
            else:
                response = client.get(at(name, cohort, *more))
        assert response.status_code == 200
        return len(captured)

    assert cost(1, 1) == cost(3, 3) == cost(30, 31) <= most


def test_sending_takes_as_many_queries_for_thirty_as_for_one(client: Client) -> None:
    def cost(members: int) -> int:
        cohort = a_cohort(capacity=members)
        client.force_login(a_leader(cohort))
        seats(cohort, *(f"Member {number}" for number in range(members)))
        press = shown(client.post(at("message_new", cohort), typed()))
        with CaptureQueriesContext(connection) as captured:
            assert client.post(at("message_new", cohort), press).status_code == 302
        return len(captured)

    assert cost(1) == cost(3) == cost(30)
