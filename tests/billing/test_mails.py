"""The mail about a refund, over a real SMTP connection."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import gateway, mails, refunds, settlement, tasks
from billing.models import Payment, Refund
from outbox.models import Message
from outbox.services import deliver_due
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, a_payment, a_seat, expired_and_gone, now
from tests.billing.test_refund_invariant import a_bare_payment
from tests.smtp_sink import Received, SmtpSink

pytestmark = pytest.mark.django_db

CLINICAL = r"\bdbt\b|therap|skills?\b|diagnos|mindful|emotion|treatment|patient|jit\.si|/join/"


def refund_mails(sink: SmtpSink) -> list[Received]:
    deliver_due(clock=timezone.now)
    return [one for one in sink.messages if "refund" in one.message["Subject"]]


def parts(mail: Received) -> tuple[str, str]:
    text, html = mail.message.get_body(("plain",)), mail.message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


def send_back(payment: Payment, amount_cents: int, reason: Refund.Reason) -> Refund:
    refund = refunds.request_refund(
        payment_id=payment.pk, amount_cents=amount_cents, reason=reason, now=now()
    )
    tasks.submit_open_refunds()
    return refund


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (Refund.Reason.LATE, "after your seat had been released"),
        (Refund.Reason.TWICE, "You paid for the same seat twice"),
        (Refund.Reason.DESK, "back to the card you paid with"),
    ],
)
def test_it_says_the_exact_amount_and_why(
    standin: Standin, smtp_sink: SmtpSink, reason: Refund.Reason, says: str
) -> None:
    payment = a_payment(standin)
    send_back(payment, 12_345, reason)
    [mail] = refund_mails(smtp_sink)
    assert mail.message["Subject"] == "Your refund of $123.45 is on its way"
    for words in map(" ".join, (part.split() for part in parts(mail))):
        assert "$123.45" in words
        assert says in words


def test_it_goes_to_the_payer_alone_and_is_neutral(standin: Standin, smtp_sink: SmtpSink) -> None:
    enrollment = a_seat()
    other = a_seat(enrollment.cohort)
    send_back(a_payment(standin, enrollment), PRICE, Refund.Reason.DESK)
    [mail] = refund_mails(smtp_sink)
    assert mail.rcpt_tos == [enrollment.member.email]
    assert [mail.message[name] for name in ("To", "Cc", "Bcc")] == [
        enrollment.member.email,
        None,
        None,
    ]
    whole = mail.message["Subject"] + "".join(parts(mail))
    assert re.findall(CLINICAL, whole, re.IGNORECASE) == []
    assert enrollment.cohort.name not in whole
    assert other.member.email not in whole
    assert "pi_" not in whole


def test_it_carries_the_safety_foot(standin: Standin, smtp_sink: SmtpSink) -> None:
    send_back(a_payment(standin), PRICE, Refund.Reason.DESK)
    [mail] = refund_mails(smtp_sink)
    for part in parts(mail):
        assert [number in part for number in ("911", "988", "741741")] == [True, True, True]


def test_a_late_payer_gets_one_mail_about_it(standin: Standin, smtp_sink: SmtpSink) -> None:
    attempt = expired_and_gone(standin, full=True)
    settlement.settle(attempt=attempt, now=now())
    for _ in range(2):
        tasks.submit_open_refunds()
        refund_mails(smtp_sink)
    [mail] = refund_mails(smtp_sink)
    assert mail.message["Subject"] == "Your refund of $299.00 is on its way"
    to_payer = [one for one in smtp_sink.messages if one.rcpt_tos == mail.rcpt_tos]
    assert to_payer == [mail]


def test_a_refund_that_failed_meanwhile_is_not_announced(
    standin: Standin, smtp_sink: SmtpSink
) -> None:
    refund = send_back(a_payment(standin), PRICE, Refund.Reason.DESK)
    failed = gateway.RefundState("re_x", "failed", str(refund.uuid), "lost", 1, "pi_1")
    refunds.apply_state(refund=refund, state=failed, now=now())
    assert refund_mails(smtp_sink) == []
    message = Message.objects.get(kind="refund-sent")
    assert (message.state, message.reason) == ("not_owed", "The refund failed.")


def test_a_batch_costs_one_query_however_long_it_is() -> None:
    def owed(number: int) -> list[Message]:
        payments = [a_bare_payment(PRICE) for _ in range(number)]
        made = [
            Refund.objects.create(
                payment=payment,
                enrollment_id=payment.enrollment_id,
                amount_cents=1,
                reason="desk",
                requested_at=now(),
            )
            for payment in payments
        ]
        return [Message(pk=refund.pk, subject_id=refund.pk) for refund in made]

    for messages in (owed(1), owed(3)):
        with CaptureQueriesContext(connection) as queries:
            assert len(mails.refund_sent(messages, now())) == len(messages)
        assert len(queries) == 1
