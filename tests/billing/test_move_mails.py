"""The mail about a move: the new dates as a calendar file, and what happened to the money."""

import pytest

from billing.selfservice_mails import moved
from outbox.mail import Mail, NotOwed
from outbox.models import Message
from tests.billing.builders import refreshed
from tests.billing.decided import PRICE, a_paid_seat, decide
from tests.billing.moving import CREDIT, NOW, a_group_for, at_the_page, paid_there, start

pytestmark = pytest.mark.django_db


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
