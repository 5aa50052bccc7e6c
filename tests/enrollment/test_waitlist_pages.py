"""The waitlist as its readers meet it: joining, waiting, answering an offer, and stepping in."""

import re
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, User
from enrollment import links, making_up, services, waitlist
from enrollment.agreements import CURRENT
from enrollment.models import Enrollment, Seat
from enrollment.states import Status
from enrollment.templatetags.waitlist import ordinal
from outbox.models import Message, State
from outbox.services import deliver_due
from sessions.models import Cohort
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_full_group,
    a_member,
    a_place_in_line,
    an_intake,
    session,
)
from tests.enrollment.pages import said
from tests.enrollment.test_intake_form import TYPED
from tests.enrollment.test_making_up import thursdays, week
from tests.enrollment.test_waitlist import an_offer, fresh, status
from tests.smtp_sink import SmtpSink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

END = NOW + 24 * HOUR
AGREED = {agreement.kind: "on" for agreement in CURRENT}


@pytest.fixture
def member(client: Client) -> User:
    person = a_member()
    client.force_login(person)
    return person


def url(name: str, about: Cohort | Enrollment) -> str:
    key = about.slug if isinstance(about, Cohort) else about.public_id
    return reverse(f"enrollment:{name}", args=[key])


def page_of(one: Enrollment, client: Client) -> str:
    client.force_login(one.member)
    return said(client.get(one.get_absolute_url()))


def offered_now(group: Cohort | None = None) -> Enrollment:
    return an_offer(group, now=NOW)


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")],
)
def test_a_place_in_line_in_words(number: int, words: str) -> None:
    assert ordinal(number) == words


# --- Joining ----------------------------------------------------------------------------


def test_a_full_group_offers_its_waitlist_without_saying_how_many_wait(client: Client) -> None:
    group = a_full_group()
    a_place_in_line(cohort=group)
    page = said(client.get(group.get_absolute_url()))
    assert "This group is full" in page
    assert "Join the waitlist" in page
    assert "in line" not in page


def test_a_group_that_begins_soon_has_no_waitlist(
    client: Client, clock: time_machine.Traveller
) -> None:
    group = a_full_group()
    clock.move_to(FIRST_SESSION - HOUR)
    page = said(client.get(group.get_absolute_url()))
    assert "Join the waitlist" not in page
    assert "The group begins soon" in page


def test_a_free_seat_for_which_somebody_waits_is_not_shown_as_free(client: Client) -> None:
    group = a_full_group()
    a_place_in_line(cohort=group)
    Seat.objects.update(enrollment=None)
    assert "This group is full" in said(client.get(group.get_absolute_url()))


def test_from_the_group_to_a_place_in_line(client: Client, member: User) -> None:
    group = a_full_group()
    a_place_in_line(cohort=group)
    join = url("join_waitlist", group)
    assert client.get(join)["Location"] == url("waitlist_about", group)
    assert client.post(url("waitlist_about", group), TYPED)["Location"] == join
    page = said(client.get(join))
    assert "you pay only if a seat comes free and you say yes" in page
    assert "24 hours" in page
    assert "$299.00" in page

    done = client.post(join)

    mine = Enrollment.objects.get(member=member)
    assert done["Location"] == mine.get_absolute_url()
    page = said(client.get(mine.get_absolute_url()))
    assert "You are on the waitlist. We have sent you an email about it." in page
    assert "You are 2nd in line" in page
    assert "You have no sessions ahead" not in page
    assert "You are 2nd in line" in said(client.get(reverse("enrollment:my_groups")))
    assert "See your place in line" in said(client.get(group.get_absolute_url()))


def test_who_is_not_signed_in_is_asked_to_sign_up_first(client: Client) -> None:
    answer = client.get(url("join_waitlist", a_full_group()))
    assert answer["Location"].startswith(reverse("account_signup"))


def test_who_presses_twice_is_shown_their_place(client: Client, member: User) -> None:
    group = a_full_group()
    an_intake(member)
    first, second = (client.post(url("join_waitlist", group)) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Enrollment.objects.filter(member=member).count() == 1
    for name in ("join_waitlist", "waitlist_about", "about_you", "agreements"):
        assert client.get(url(name, group))["Location"] == first["Location"]


def test_where_a_seat_is_free_the_way_leads_to_it(client: Client, member: User) -> None:
    group = a_cohort()
    an_intake(member)
    join = url("join_waitlist", group)
    for answer in (client.get(join), client.post(join)):
        assert answer.status_code == 409
        assert "A seat is free in this group" in said(answer)
        assert url("about_you", group) in answer.content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_somebody_from_a_state_that_is_not_admitted_can_change_their_answers(
    client: Client, member: User, method: str
) -> None:
    group = a_full_group()
    an_intake(member, state="TX")
    answer = getattr(client, method)(url("join_waitlist", group))
    assert answer.status_code == 409
    assert "can\u2019t admit people in Texas" in said(answer).replace("'", "\u2019")
    assert url("waitlist_about", group) in answer.content.decode()


def test_wrong_answers_are_asked_for_again(client: Client, member: User) -> None:
    group = a_full_group()
    again = client.post(url("waitlist_about", group), {**TYPED, "phone": "12"})
    assert again["Location"] == url("waitlist_about", group)
    assert "12" in client.get(url("waitlist_about", group)).content.decode()


def test_a_sixth_waitlist_is_refused_kindly(client: Client, member: User) -> None:
    for _ in range(5):
        a_place_in_line(cohort=a_full_group(), member=member)
    answer = client.post(url("join_waitlist", a_full_group()))
    assert (answer.status_code, "five waitlists" in said(answer)) == (409, True)


# --- Leaving ----------------------------------------------------------------------------


def test_leaving_asks_first_and_a_second_press_changes_nothing(client: Client) -> None:
    one = a_place_in_line(cohort=a_full_group())
    client.force_login(one.member)
    leave = url("leave_waitlist", one)
    assert "Leave the waitlist?" in said(client.get(leave))
    assert status(one) == Status.WAITLISTED
    for words in ("You are not on the waitlist any more", "answered already"):
        done = client.post(leave, {"seen": "waitlisted"}, follow=True)
        assert words in said(done)
    assert status(one) == Status.CANCELLED
    assert "Not on the waitlist any more" in page_of(one, client)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (Status.ACTIVE, "the seat is confirmed, and it is yours"),
        (Status.GRACE, "choose \u201cLeave the group\u201d"),
        (Status.HELD, "it is kept for you until it is paid"),
    ],
)
@pytest.mark.parametrize("old", ["offer, press", "leave, link", "leave, press"])
def test_an_old_page_about_an_offer_says_what_is_true(
    client: Client, now: Status, words: str, old: str
) -> None:
    one = offered_now()
    client.force_login(one.member)
    Enrollment.objects.filter(pk=one.pk).update(status=now, confirmed_at=NOW)
    if old == "leave, link":
        done = client.get(url("leave_waitlist", one), follow=True)
    elif old == "leave, press":
        done = client.post(url("leave_waitlist", one), {"seen": "offered"}, follow=True)
    elif now == Status.HELD:
        return  # it leads on to payment
    else:
        done = client.post(url("offer", one), follow=True)
    assert words in said(done)
    assert status(one) == now


def test_who_leaves_a_list_that_became_an_offer_is_asked_again(client: Client) -> None:
    one = offered_now()
    client.force_login(one.member)
    answer = client.post(url("leave_waitlist", one), {"seen": "waitlisted"})
    assert answer.status_code == 409
    assert "A seat has come free for you since you opened this page" in said(answer)
    assert status(one) == Status.OFFERED
    client.post(url("leave_waitlist", one), {"seen": "offered"})
    assert status(one) == Status.CANCELLED


@pytest.mark.parametrize("name", ["offer", "leave_waitlist"])
def test_somebody_elses_place_does_not_exist(client: Client, member: User, name: str) -> None:
    one = offered_now()
    assert client.get(url(name, one)).status_code == 404
    assert client.post(url(name, one), {"seen": "offered", **AGREED}).status_code == 404
    assert status(one) == Status.OFFERED


# --- Answering an offer -----------------------------------------------------------------


def test_an_offer_is_shown_where_its_member_looks(client: Client) -> None:
    one = offered_now()
    page = page_of(one, client)
    assert "kept for you until Wednesday, September 30, 11:00 AM Eastern" in page
    assert "Kept for you until Wednesday, September 30" in said(
        client.get(reverse("enrollment:my_groups"))
    )
    for name in ("cohort",):
        assert "See the seat and say yes" in said(client.get(url(name, one.cohort)))
    for name in ("about_you", "agreements", "join_waitlist"):
        assert client.get(url(name, one.cohort))["Location"] == url("offer", one)
    page = said(client.get(url("offer", one)))
    assert "You can take it until Wednesday, September 30, 11:00 AM Eastern" in page
    # What it costs is read before anything is agreed to.
    assert page.index("It costs $299.00 for 12 sessions") < page.index("Meeting online")
    assert "$299.00" in page


def test_agreeing_takes_the_seat_and_leads_to_payment(client: Client) -> None:
    one = offered_now()
    client.force_login(one.member)
    missing = client.post(url("offer", one), {}, follow=True)
    assert "Please" in said(missing)
    assert status(one) == Status.OFFERED

    done = client.post(url("offer", one), AGREED)

    assert done["Location"] == reverse("billing:pay", args=[one.public_id])
    assert fresh(one).held_until == END
    assert client.get(done["Location"]).status_code == 200
    # A second press goes the same way.
    assert client.post(url("offer", one), AGREED)["Location"] == done["Location"]


def test_whoever_is_too_late_is_told_so(client: Client, clock: time_machine.Traveller) -> None:
    group = a_full_group()
    one = offered_now(group)
    following = a_place_in_line(cohort=group)
    clock.move_to(END)
    client.force_login(one.member)
    late = client.post(url("offer", one), AGREED, follow=True)
    assert "The time for this seat was over" in said(late)
    assert "The time for this seat is over" in said(late)
    waitlist.tend(now=END)
    page = page_of(one, client)
    assert "The time for this seat was over" in page
    assert "Join the waitlist again" in page
    client.post(url("join_waitlist", group))
    again = Enrollment.objects.get(member=one.member, status=Status.WAITLISTED)
    assert (status(following), waitlist.place(again)) == (Status.OFFERED, 1)


def test_an_old_tab_after_a_no_is_told_of_the_no(client: Client) -> None:
    one = offered_now()
    client.force_login(one.member)
    client.post(url("leave_waitlist", one), {"seen": Status.OFFERED})
    assert status(one) == Status.CANCELLED
    late = said(client.post(url("offer", one), AGREED, follow=True))
    assert "You said no to this seat. Nothing was charged." in late
    assert "The time for this seat was over" not in late


def test_who_may_not_join_any_more_is_told_and_keeps_the_offer(client: Client) -> None:
    one = offered_now()
    an_intake(one.member, state="TX")
    client.force_login(one.member)
    answer = client.post(url("offer", one), AGREED)
    assert answer.status_code == 409
    assert reverse("enrollment:answers") in answer.content.decode()
    assert status(one) == Status.OFFERED


@pytest.mark.parametrize("name", ["billing:pay", "billing:return"])
def test_there_is_nothing_to_pay_before_the_yes(client: Client, name: str) -> None:
    one = offered_now()
    client.force_login(one.member)
    answer = client.get(reverse(name, args=[one.public_id]), follow=True)
    assert answer.redirect_chain[-1][0] == one.get_absolute_url()


def test_after_waiting_in_vain_the_page_says_so(
    client: Client, clock: time_machine.Traveller
) -> None:
    one = a_place_in_line(cohort=a_full_group())
    clock.move_to(FIRST_SESSION - HOUR)
    waitlist.tend(now=timezone.now())
    page = page_of(one, client)
    assert "No seat came free in time" in page
    assert "Join the waitlist" not in page


# --- Mails ------------------------------------------------------------------------------


def sent(sink: SmtpSink, kind: str, now: Any = NOW) -> tuple[str, str]:
    Message.objects.exclude(kind=kind).delete()
    deliver_due(clock=lambda: now)
    [received] = sink.messages
    mail = received.message
    body = mail.get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    for word in ("therapy", "DBT", "Tuesday evenings"):
        assert word not in text
    return str(mail["Subject"]), text


def test_the_mail_about_joining_says_the_place(smtp_sink: SmtpSink) -> None:
    group = a_full_group()
    for _ in range(2):
        a_place_in_line(cohort=group)
    Message.objects.filter(kind=links.WAITLIST_JOINED).earliest("pk").delete()
    subject, text = sent(smtp_sink, links.WAITLIST_JOINED)
    assert subject == "You are on the waitlist"
    assert "2nd in line" in text
    assert "24 hours" in text


def test_the_mail_with_an_offer_says_until_when(smtp_sink: SmtpSink) -> None:
    one = offered_now()
    subject, text = sent(smtp_sink, links.SEAT_OFFERED)
    assert subject == "A seat is free for you until Wednesday, 11:00 AM Eastern"
    assert "Tuesday, October 6, 6:00 PM Eastern" in text
    assert "$" not in text  # what it costs depends on the person, and the page knows
    assert one.get_absolute_url() in text


def test_the_mail_about_a_lapsed_offer_leads_back_in_one_press(smtp_sink: SmtpSink) -> None:
    one = offered_now()
    waitlist.tend(now=END)
    subject, text = sent(smtp_sink, links.OFFER_LAPSED, END)
    assert subject == "The time for this seat is over"
    assert "it is not kept for you any more. Nothing was charged" in text
    assert "next person" not in text
    assert one.get_absolute_url() in text


def test_the_mail_about_the_end_of_waiting_is_kind(smtp_sink: SmtpSink) -> None:
    a_place_in_line(cohort=a_full_group())
    waitlist.tend(now=FIRST_SESSION)
    subject, text = sent(smtp_sink, links.WAITLIST_CLOSED, FIRST_SESSION)
    assert subject == "You are not on the waitlist any more"
    assert "Thank you for waiting" in text


@pytest.mark.parametrize(
    "kind", [links.WAITLIST_JOINED, links.SEAT_OFFERED, links.OFFER_LAPSED, links.WAITLIST_CLOSED]
)
def test_what_is_not_so_any_more_is_not_mailed(smtp_sink: SmtpSink, kind: str) -> None:
    group = a_full_group()
    one = offered_now(group)
    Message.objects.all().delete()
    Enrollment.objects.filter(pk=one.pk).update(status=Status.HELD)
    Message.objects.create(
        kind=kind,
        recipient=one.member,
        subject_id=one.pk,
        state=State.QUEUED,
        next_try_at=NOW,
        created_at=NOW,
    )
    deliver_due(clock=lambda: NOW)
    assert smtp_sink.messages == []
    assert Message.objects.get().state == State.NOT_OWED


def test_who_is_back_on_the_list_gets_no_word_of_the_seat_that_went(smtp_sink: SmtpSink) -> None:
    group = a_full_group()
    one = offered_now(group)
    a_place_in_line(cohort=group)
    waitlist.tend(now=END)
    a_place_in_line(cohort=group, member=one.member, now=END)
    Message.objects.exclude(kind=links.OFFER_LAPSED).delete()
    deliver_due(clock=lambda: END)
    assert smtp_sink.messages == []


# --- Staff ------------------------------------------------------------------------------


@pytest.fixture
def admin(client: Client) -> User:
    person = a_member(role=Role.ADMIN, display_name="Robin")
    client.force_login(person)
    return person


def test_staff_see_who_waits_and_why(client: Client, admin: User) -> None:
    group = a_full_group()
    offer = offered_now(group)
    second = a_place_in_line(cohort=group, member=a_member(display_name="Kim"))
    for name, back in (("waitlist", "roster"), ("plan_waitlist", "plan")):
        assert "Waitlist: 2" in said(client.get(url(back, group)))
        page = said(client.get(url(name, group)))
        assert "Offered until Wednesday, September 30, 11:00 AM Eastern." in page
        assert re.search(r"Kim 1 Tuesday, September 29, .* No seat is free\.", page)
        assert "$" not in page
    Seat.objects.filter(enrollment=offer).update(enrollment=None)
    assert "is offered within a minute" in said(client.get(url("waitlist", group)))
    Cohort.objects.update(status=Cohort.Status.CLOSED)
    assert "takes no new members" in said(client.get(url("waitlist", group)))
    assert second.status == Status.WAITLISTED


def test_a_seat_that_is_free_only_later_is_said_to_be_so(client: Client, admin: User) -> None:
    host = thursdays(capacity=1)
    making_up.take_chair(week=week(a_confirmed_seat()), session_id=session(host, 1).pk, now=NOW)
    a_place_in_line(cohort=host)
    page = said(client.get(url("waitlist", host)))
    assert "A visitor from another group sits on the free chair until week 1" in page


def step(name: str, one: Enrollment) -> str:
    return reverse(f"enrollment:{name}", args=[one.cohort.slug, one.public_id])


def test_an_admin_takes_somebody_off_with_a_reason_and_once(client: Client, admin: User) -> None:
    group = a_full_group()
    one = offered_now(group)
    following = a_place_in_line(cohort=group, member=a_member(display_name="Kim"))
    remove = step("waitlist_remove", one)
    assert "is offered to Kim" in said(client.get(remove))
    assert client.post(remove, {"seen": "offered"}).status_code == 422
    typed = {"seen": "offered", "reason": "Asked by phone"}
    assert "is told by email" in said(client.post(remove, typed, follow=True))
    assert "nothing was done" in said(client.post(remove, typed, follow=True))
    assert (status(one), status(following)) == (Status.CANCELLED, Status.OFFERED)


def test_taking_off_the_list_does_not_take_an_offer_that_came_meanwhile(
    client: Client, admin: User
) -> None:
    one = offered_now()
    typed = {"seen": "waitlisted", "reason": "Asked by phone"}
    page = said(client.post(step("waitlist_remove", one), typed, follow=True))
    assert "nothing was done" in page
    assert status(one) == Status.OFFERED


def test_an_admin_offers_a_seat_that_is_free_and_sees_what_it_means(
    client: Client, admin: User
) -> None:
    group = a_full_group()
    first, second = (a_place_in_line(cohort=group) for _ in range(2))
    offer = step("waitlist_offer", second)
    assert "No seat is free" in said(client.get(offer))
    Seat.objects.update(enrollment=None)
    page = said(client.get(offer))
    assert "1 person is before them in line" in page
    assert "pay $299.00 if they say yes" in page
    typed = {"seen": "waitlisted", "reason": "Moved house"}
    assert "A seat is offered to" in said(client.post(offer, typed, follow=True))
    assert "nothing was done" in said(client.post(offer, typed, follow=True))
    assert (status(first), status(second)) == (Status.WAITLISTED, Status.OFFERED)


@pytest.mark.parametrize("role", [Role.FACILITATOR, Role.MEMBER])
def test_stepping_in_is_for_admins(client: Client, role: str) -> None:
    one = a_place_in_line(cohort=a_full_group())
    planner = a_member(role=role, may_plan=role == Role.FACILITATOR)
    one.cohort.facilitators.set([planner])
    client.force_login(planner)
    for name in ("waitlist_offer", "waitlist_remove"):
        assert client.get(step(name, one)).status_code == 404
    if role == Role.FACILITATOR:
        page = said(client.get(url("plan_waitlist", one.cohort)))
        assert "Take off" not in page


def test_the_pages_ask_as_often_for_three_as_for_one(client: Client, admin: User) -> None:
    group = a_full_group()
    one = a_place_in_line(cohort=group)

    def counted() -> dict[str, int]:
        found = {}
        for person, paths in (
            (admin, [url("waitlist", group), url("plan_waitlist", group)]),
            (admin, [step("waitlist_remove", one), step("waitlist_offer", one)]),
            (one.member, [one.get_absolute_url(), reverse("enrollment:my_groups")]),
            (one.member, [url("leave_waitlist", one), group.get_absolute_url()]),
        ):
            client.force_login(person)
            for path in paths:
                client.get(path)
                with CaptureQueriesContext(connection) as captured:
                    assert client.get(path).status_code == 200
                found[path] = len(captured)
        return found

    few = counted()
    for _ in range(2):
        a_place_in_line(cohort=group)
        a_place_in_line(cohort=a_full_group(), member=one.member)
    assert counted() == few


def test_an_unpaid_seat_that_is_released_is_not_promised_to_its_old_member(
    client: Client,
) -> None:
    """Their page says that others wait, and lets them wait too."""
    group = a_cohort(capacity=1)
    member = a_member()
    an_intake(member)
    held = services.reserve_seat(cohort=group, member=member, now=NOW - HOUR)
    waits = a_place_in_line(cohort=group, now=NOW - 30 * MINUTE)
    services.expire_hold(enrollment_id=held.pk, now=NOW, reason="Not paid in time")
    page = page_of(held, client)
    assert "All seats are taken now" in page
    assert "Join the waitlist" in page
    assert status(waits) == Status.OFFERED
