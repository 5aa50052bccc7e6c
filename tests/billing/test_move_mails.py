"""The mail about a move: the new dates as a calendar file, and what happened to the money."""

import datetime as dt

import pytest

from billing.models import Transfer
from billing.selfservice_mails import moved
from enrollment import services as enrollment_services
from enrollment.mails import hold_expired
from outbox.mail import Mail, NotOwed
from outbox.models import Message
from tests.billing.builders import refreshed
from tests.billing.decided import PRICE, a_paid_seat, decide
from tests.billing.moving import CREDIT, NOW, a_group_for, at_the_page, paid_there, start

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(hours=1)


def mail_of(price: int) -> Mail | NotOwed:
    transfer = start(a_paid_seat(), a_group_for(price))
    if transfer.due_cents:
        paid_there(at_the_page(transfer))
    message = Message.objects.get(kind="moved")
    return moved([message], NOW)[message.pk]


@pytest.mark.parametrize(
    ("price", "says"),
    [
        (20_000, ["$200.00 that you had paid", "$24.25 goes back"]),
        (CREDIT, ["$224.25 that you had paid"]),
        (PRICE, ["$224.25 that you had paid", "You paid $74.75 more"]),
        (0, ["$224.25 goes back"]),
    ],
)
def test_it_says_what_happened_to_the_money(price: int, says: list[str]) -> None:
    mail = mail_of(price)
    assert isinstance(mail, Mail)
    assert mail.subject == "Your group has changed"
    money = mail.text.split("What happened to your money")[1].split("Your sessions")[0]
    assert [line for line in says if line in money] == says
    assert money.count("\n- ") == len(says)
    (calendar,) = mail.attachments
    assert isinstance(calendar.content, bytes)
    assert calendar.content.count(b"BEGIN:VEVENT") == 12


def test_nobody_is_told_of_a_seat_that_is_gone_again() -> None:
    transfer = start(a_paid_seat(), a_group_for(20_000))
    decide(refreshed(transfer.target), frees=True, now=NOW)
    message = Message.objects.get(kind="moved")
    assert isinstance(moved([message], NOW)[message.pk], NotOwed)


def lapsed() -> tuple[Transfer, Message]:
    """A move whose rest was not paid in time."""
    transfer = start(a_paid_seat(), a_group_for(PRICE))
    assert enrollment_services.expire_hold(
        enrollment_id=transfer.target_id, now=LATER, reason="Not paid in time"
    )
    return transfer, Message.objects.get(kind="hold-expired")


def test_a_move_that_lapsed_says_that_the_old_seat_is_untouched() -> None:
    transfer, message = lapsed()
    mail = hold_expired([message], LATER)[message.pk]
    assert isinstance(mail, Mail)
    assert mail.subject == "Your move was not paid in time"
    assert "Your seat in your group is untouched" in mail.text
    assert transfer.source.get_absolute_url() in mail.text
    assert transfer.target.get_absolute_url() not in mail.text


def test_who_left_the_old_group_meanwhile_reads_of_the_seat_that_was_released() -> None:
    transfer, message = lapsed()
    decide(refreshed(transfer.source), frees=True, now=LATER)
    mail = hold_expired([message], LATER)[message.pk]
    assert isinstance(mail, Mail)
    assert mail.subject == "Your reserved seat was released"
