"""The money desk's day: somebody leaves, the money goes back by the policy, the next one joins.

All of it in one go: members and desk on their pages, Stripe by its stand-in, mails over SMTP, and
the clock stepped from hour to hour as the application looks at it every minute.
"""

import csv
import datetime as dt
import io
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, User
from billing import reconciliation, tasks
from billing.models import Difference, LedgerEntry, Payment, Reconciliation, Refund, RefundDecision
from enrollment.agreements import CURRENT
from enrollment.models import Attendance, Enrollment, EnrollmentMove, Seat
from enrollment.tasks import promise_due_links, tend_waitlists
from outbox.models import Message, State
from outbox.services import deliver_due
from sandbox.stripe_standin.process import Standin
from sessions.models import Cohort
from tests.accounts.people import a_factor, app_shows
from tests.billing.builders import apply_all, post_event
from tests.billing.people import at_the_desk
from tests.billing.privacy import FORBIDDEN
from tests.billing.test_pay_page import signed_in, url
from tests.billing.test_refund_pages import hidden, typed
from tests.enrollment.builders import NOW, a_cohort, a_held_seat, a_member, an_intake
from tests.enrollment.pages import said
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db(transaction=True)

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
HOUR = dt.timedelta(hours=1)
DAYTIME = range(8, 21)
PRICE, GOES_BACK, FROM_WEEK_5 = 29_900, 22_425, 19_933
AGREED = {agreement.kind: "on" for agreement in CURRENT}


def at(month: int, day: int, hour: int, minute: int = 0) -> dt.datetime:
    """An instant of 2026 on the group's clock; its sessions are on Tuesdays at six."""
    return dt.datetime(2026, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(dt.UTC)


DESK = at(10, 21, 10)  # the morning after the third session


@dataclass
class Day:
    """Everybody who takes part, and the parts around the application."""

    clock: time_machine.Traveller
    standin: Standin
    sink: SmtpSink
    ada: Enrollment
    bea: Enrollment
    cleo: Enrollment
    dora: Enrollment

    def go_to(self, moment: dt.datetime) -> None:
        """By way of every hour of the day in between."""
        now = timezone.now()
        while now < moment:
            now = min(now + HOUR, moment)
            if now.astimezone(NEW_YORK).hour in DAYTIME:
                self.clock.move_to(now)
                every_minute()

    def mails(self, person: User) -> list[tuple[str, str]]:
        """Subject and text of each mail that somebody was sent, without the foot of all mails."""
        return [
            (str(one.message["subject"]), text_of(one.message))
            for one in self.sink.messages
            if one.rcpt_tos == [person.email]
        ]

    def subjects(self, person: User) -> list[str]:
        return [subject for subject, _ in self.mails(person)]


FOOT = """


Grouport
http://testserver
Questions: help@grouport.example

NOT FOR EMERGENCIES
Nobody reads this mailbox around the clock. If you need somebody now:
- In immediate danger, call 911.
- For support at any hour, call or text 988, or chat at https://988lifeline.org/chat/
  Press 1 for veterans, 2 for Spanish.
- Or text HOME to 741741.
"""


def text_of(message: Any) -> str:
    text = str(message.get_body(("plain",)).get_content()).replace("\r\n", "\n")
    assert text.endswith(FOOT), text
    return text.removesuffix(FOOT)


def every_minute() -> None:
    """What beat and the workers do, without the comparison with Stripe."""
    tasks.release_overdue_holds()
    tasks.apply_stored_events()
    tasks.submit_open_refunds()
    tasks.issue_estimates()
    tend_waitlists()
    promise_due_links()
    if Message.objects.filter(state=State.QUEUED).exists():
        deliver_due(clock=timezone.now)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def day(clock: time_machine.Traveller, standin: Standin, smtp_sink: SmtpSink) -> Day:
    """A group of two that is full, and two who wait for a seat of it."""
    group = a_cohort(capacity=2, admission=Cohort.Admission.MODULE_STARTS)
    names = ("Ada", "Bea", "Cleo", "Dora")
    ada, bea, cleo, dora = (
        a_member(f"{name.lower()}@example.org", display_name=name, time_zone="America/New_York")
        for name in names
    )
    seats = [a_held_seat(cohort=group, member=one, now=timezone.now()) for one in (ada, bea)]
    for seat in seats:
        pays(standin, seat, "In full: $299.00 today")
    for one in (cleo, dora):
        clock.shift(60)
        an_intake(one)
        joins_the_waitlist(one, group)
    every_minute()
    in_line = [Enrollment.objects.get(member=one) for one in (cleo, dora)]
    return Day(clock, standin, smtp_sink, *seats, *in_line)


# --- What people do ---------------------------------------------------------------------


def pays(standin: Standin, seat: Enrollment, words: str) -> None:
    """The last page before Stripe, Stripe's own page, its webhook, and the page after it."""
    client = signed_in(seat.member)
    page = client.get(url(seat))
    assert words in said(page)
    cents = re.search(r'name="shown_cents" value="(\d+)"', page.content.decode())
    assert cents
    leads_to = client.post(url(seat), {"shown_cents": cents[1], "way": "full"})["Location"]
    assert leads_to.startswith(standin.url)
    attempt = seat.attempts.get(status="open")
    standin.control("pay", session=attempt.stripe_session_id)
    assert post_event(standin.events("checkout.session.completed")[-1]) == 200
    apply_all()
    assert "Your seat is confirmed" in said(client.get(url(seat, "return/")))


def joins_the_waitlist(member: User, group: Cohort) -> None:
    client = signed_in(member)
    assert "Join the waitlist" in said(client.get(group.get_absolute_url()))
    reply = client.post(reverse("enrollment:join_waitlist", args=[group.slug]))
    assert reply["Location"].startswith("/my/")


def goes_in(seat: Enrollment) -> None:
    """Through the door, which leads to the meeting."""
    door = reverse("enrollment:door", args=[seat.door_token])
    reply = signed_in(seat.member).post(door, {"location": "NY"})
    assert (reply.status_code, reply["Location"].startswith("https://meet.")) == (302, True)


def door_of(seat: Enrollment) -> Any:
    return signed_in(seat.member).get(reverse("enrollment:door", args=[seat.door_token]))


def the_admin_at_the_desk() -> Client:
    """Signed in by password, and then by the code of the second factor; not before."""
    admin = a_member("robin@example.org", display_name="Robin Ellis", role=Role.ADMIN)
    a_factor(admin)
    client = Client()
    sign_in = {"login": admin.email, "password": "correct-horse-battery"}
    leads_to = client.post(reverse("account_login"), sign_in)["Location"]
    assert leads_to.startswith(reverse("mfa_authenticate"))
    assert client.get("/money/").status_code == 302
    client.post(leads_to, {"code": app_shows()})
    assert client.get("/money/").status_code == 200
    return client


def found(desk: Client, words: str) -> list[tuple[str, str]]:
    """Who is found, by the stories that the results lead to."""
    page = desk.get("/money/search/", {"q": words}).content.decode()
    return re.findall(r'href="(/money/enrolments/[^"]+/)">([^<]+)</a>', page)


def decides(desk: Client, seat: Enrollment) -> tuple[str, str]:
    """Rehearse and confirm; the subject and text of the mail that the rehearsal showed."""
    page = reverse("billing:refund", args=[seat.public_id])
    assert "By the policy, for sessions not held: $224.25" in said(desk.get(page))
    shown = desk.post(page, typed(seat="free"))
    words = said(shown)
    for part in (
        "Nothing has happened yet.",
        "What goes back: $224.25",
        "Paid $299.00 3 of 12 sessions were held -$74.75 Goes back $224.25",
        "Refund terms 2026-11, agreed to Tuesday, September 29, 11:00 AM",
        "$224.25 to the card that paid $299.00, Tuesday, September 29, 11:00 AM",
        "They are out of the group at once: the door is shut to them.",
        "9 sessions still to come: no more links, no more reminders.",
        "Cleo is next in line: an email offers them the seat at once, from week 5 on. The "
        "list price is $199.33.",
        "The seat is kept for them until Thursday, October 22, 10:00 AM",
        "The mail to ada@example.org",
        "Give back $224.25 and free the seat",
    ):
        assert part in words, part
    [mail] = shown.context["mails"]
    done = desk.post(page, hidden(shown), follow=True)
    assert "$224.25 is on its way back. They are out of the group." in said(done)
    again = desk.post(page, hidden(shown), follow=True)
    assert again.status_code == 200
    return mail.subject, mail.text.removesuffix(FOOT)


# --- The day ----------------------------------------------------------------------------


def test_somebody_leaves_after_three_sessions_and_the_next_one_takes_the_seat(day: Day) -> None:
    for month, date in ((10, 6), (10, 13), (10, 20)):
        day.go_to(at(month, date, 18))
        goes_in(day.ada)
        goes_in(day.bea)
    day.go_to(DESK)
    assert Attendance.objects.filter(enrollment=day.ada).count() == 3

    desk = the_admin_at_the_desk()
    story = reverse("billing:enrollment", args=[day.ada.public_id])
    assert {(story, "Ada")} < set(found(desk, "299.00"))
    assert found(desk, "ada@example.org") == [(story, "Ada")]
    before = said(desk.get(story))
    assert "Balance with us $299.00" in before
    assert "3 of 12 held; attended 3" in before
    shown = decides(desk, day.ada)

    seat_is_offered(day)
    day.sink.messages.clear()
    every_minute()
    both_mails(day, shown)
    story_tells(desk, story)

    day.go_to(at(10, 21, 14))
    takes_the_seat(day)
    day.go_to(at(10, 27, 17, 58))
    door_is_shut(day)
    day.go_to(at(11, 3, 18))
    goes_in(day.cleo)
    assert door_of(day.ada).status_code == 403
    day.go_to(at(11, 4, 10))
    books_agree(day)
    only_these_mails(day)


def seat_is_offered(day: Day) -> None:
    """In the same moment, and before any sweep came by."""
    day.ada.refresh_from_db()
    day.cleo.refresh_from_db()
    assert (day.ada.status, day.cleo.status) == ("withdrawn", "offered")
    offer = day.cleo
    assert (offer.first_week, offer.price_cents) == (5, FROM_WEEK_5)
    assert offer.held_until == DESK + 24 * HOUR
    assert not Seat.objects.filter(cohort=offer.cohort, enrollment=None).exists()
    moves = EnrollmentMove.objects.filter(target__in=("withdrawn", "offered"))
    assert set(moves.values_list("enrollment", "at")) == {
        (day.ada.pk, DESK),
        (day.cleo.pk, DESK),
    }
    refund = Refund.objects.get()
    assert (refund.status, refund.amount_cents) == ("requested", GOES_BACK)
    assert RefundDecision.objects.get().policy_version == "2026-11"


THE_REFUND = """Hello Ada,

We have sent $224.25 back to the card you paid with. Banks take 5 to 10 days to show it. It is the \
part for the sessions that had not been held.

Your seat is free again from now on, and your links to the sessions no longer work.

Other groups with free seats:
http://testserver/"""
THE_OFFER = """Hello Cleo,

A seat has come free for you. It is kept until Thursday, October 22, 10:00 AM Eastern.

Your first session would be on Tuesday, November 3, 6:00 PM Eastern. Nothing is \
charged before you say yes.

See the seat and say yes or no:
http://testserver/my/{id}/

If you do nothing, it is not kept for you after that time, and nothing is charged."""


def both_mails(day: Day, shown: tuple[str, str]) -> None:
    """Exactly these two, and the first is the one that the desk was shown."""
    offer = THE_OFFER.format(id=day.cleo.public_id)
    refund = ("Your refund of $224.25 is on its way", THE_REFUND)
    assert day.mails(day.ada.member) == [refund]
    assert shown == refund
    assert day.mails(day.cleo.member) == [
        ("A seat is free for you until Thursday, 10:00 AM Eastern", offer)
    ]
    assert len(day.sink.messages) == 2
    for one in day.sink.messages:
        words = str(one.message["subject"]) + one.message.as_string()
        for what in ("a clinical word", "a meeting address"):
            assert re.findall(FORBIDDEN[what], words, re.IGNORECASE) == []
        assert re.findall(r"\b(Bea|Dora|Robin|Tuesday evenings)\b", words) == []


def story_tells(desk: Client, story: str) -> None:
    words = said(desk.get(story))
    for part in (
        "Balance with us $74.75",
        "Paid $299.00 Went back $224.25",
        "Refund of $224.25 asked for",
        "Done by Robin Ellis",
        "Notice of a refund Sent.",
    ):
        assert part in words, part


def takes_the_seat(day: Day) -> None:
    """The member reads what is offered, agrees, and pays for eight sessions."""
    client = signed_in(day.cleo.member)
    page = reverse("enrollment:offer", args=[day.cleo.public_id])
    words = said(client.get(page))
    assert "A seat is free for you" in words
    assert "$199.33" in words
    assert client.post(page, AGREED)["Location"] == url(day.cleo)
    pays(day.standin, day.cleo, "In full: $199.33 today")
    every_minute()
    day.cleo.refresh_from_db()
    assert (day.cleo.status, day.cleo.first_week) == ("active", 5)


def door_is_shut(day: Day) -> None:
    """In week 4, which belongs to neither of them: who left, and who begins with week 5."""
    left = door_of(day.ada)
    assert (left.status_code, "This door stays closed" in left.content.decode()) == (403, True)
    goes_in(day.bea)
    assert "The door opens Tuesday, November 3" in said(door_of(day.cleo))


def books_agree(day: Day) -> None:
    """Both ledgers, Stripe's books, the comparison, the numbers page and the file: to the cent."""
    by_seat = {
        seat.pk: list(
            LedgerEntry.objects.filter(enrollment=seat)
            .exclude(kind="fee")
            .order_by("pk")
            .values_list("kind", "amount_cents")
        )
        for seat in (day.ada, day.bea, day.cleo, day.dora)
    }
    assert by_seat == {
        day.ada.pk: [("charge", PRICE), ("refund", -GOES_BACK)],
        day.bea.pk: [("charge", PRICE)],
        day.cleo.pk: [("charge", FROM_WEEK_5)],
        day.dora.pk: [],
    }
    net = 2 * PRICE - GOES_BACK + FROM_WEEK_5
    rows = {row["payment_intent"]: row for row in day.standin.books["rows"]}
    for seat, charged, refunded in (
        (day.ada, PRICE, GOES_BACK),
        (day.bea, PRICE, 0),
        (day.cleo, FROM_WEEK_5, 0),
    ):
        row = rows.pop(str(Payment.objects.get(enrollment=seat).stripe_payment_intent_id))
        assert (row["charged"], row["charges"], row["refunded"]) == (charged, 1, refunded)
    assert rows == {}
    totals = day.standin.books["totals"]
    assert totals["charged"] - totals["refunded"] == net
    assert totals["refund_pending"] + totals["refund_failed"] + totals["withdrawn"] == 0

    nothing_differs()
    desk = at_the_desk()  # weeks later, and it is somebody else's turn
    kept = sum(LedgerEntry.objects.filter(kind="fee").values_list("amount_cents", flat=True))
    assert kept == -sum(round(cents * 0.029) + 30 for cents in (PRICE, PRICE, FROM_WEEK_5))
    assert numbers_page(desk) == net + kept  # what Stripe keeps is ours to pay, not a member's
    assert ledger_file(desk) == net + kept


def nothing_differs() -> None:
    now = timezone.now()
    run = reconciliation.start(
        first=NOW.date(), last=now.date(), asked_by=User.objects.get(role=Role.ADMIN), now=now
    )
    assert reconciliation.go_on(clock=timezone.now)
    run.refresh_from_db()
    assert (run.state, run.note) == (Reconciliation.State.DONE, "")
    assert run.counts == {"payments": 3, "pages": 3, "refunds": 1, "ours": 7}
    assert list(Difference.objects.all()) == []


def numbers_page(desk: Client) -> int:
    """The sum of the column "Net", as it stands there."""
    page = desk.get("/money/numbers/", {"range": "all"}).content.decode()
    nets = re.findall(
        r'data-label="Net" class="amount"><strong>(-?)\$([\d,]+)\.(\d\d)</strong></td></tr>', page
    )
    assert nets
    return sum(
        (-1 if minus else 1) * (int(whole.replace(",", "")) * 100 + int(rest))
        for minus, whole, rest in nets
    )


def ledger_file(desk: Client) -> int:
    reply: Any = desk.get("/money/ledger.csv")
    text = b"".join(reply.streaming_content).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    cents = [int(line["amount in cents"]) for line in lines]
    assert [int(line["amount"].replace(".", "")) for line in lines] == cents
    return sum(cents)


def only_these_mails(day: Day) -> None:
    """From the morning at the desk on."""
    link, today = "Your link for Tuesday, 6:00 PM Eastern", "Today at 6:00 PM Eastern"
    assert day.subjects(day.ada.member) == ["Your refund of $224.25 is on its way"]
    assert sorted(day.subjects(day.bea.member)) == sorted([link, today] * 2)
    assert sorted(day.subjects(day.cleo.member)) == sorted(
        [
            "A seat is free for you until Thursday, 10:00 AM Eastern",
            "Your seat is confirmed",
            "Your cost overview is ready",
            link,
            today,
        ]
    )
    assert day.subjects(day.dora.member) == []


def test_the_seat_is_freed_offered_and_paid_back_in_one_transaction_or_not_at_all(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails while the seat is passed on, nobody has lost a seat and no money goes back."""
    day.go_to(at(10, 21, 9))
    desk = the_admin_at_the_desk()
    page = reverse("billing:refund", args=[day.ada.public_id])
    shown = desk.post(page, typed(seat="free"))

    def breaks(**_: Any) -> None:
        raise RuntimeError("The offer could not be written")

    monkeypatch.setattr("enrollment.waitlist.outbox.promise", breaks)
    with pytest.raises(RuntimeError, match="could not be written"):
        desk.post(page, hidden(shown))
    monkeypatch.undo()
    day.ada.refresh_from_db()
    day.cleo.refresh_from_db()
    assert (day.ada.status, day.cleo.status) == ("active", "waitlisted")
    assert (Refund.objects.count(), RefundDecision.objects.count()) == (0, 0)

    done = desk.post(page, hidden(shown), follow=True)
    assert "They are out of the group." in said(done)
    day.cleo.refresh_from_db()
    assert (day.cleo.status, Refund.objects.count()) == ("offered", 1)
