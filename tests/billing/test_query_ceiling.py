"""What a whole enrolment asks of the database, from the agreements to the mail that is sent."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enrollment.models import Enrollment
from outbox import broker
from outbox.tasks import deliver
from sandbox.stripe_standin.process import Standin
from sessions.models import Cohort, GroupSession
from tests.billing.builders import CREATE, RETRIEVE, a_group, a_payment, a_seat, now, post_event
from tests.billing.test_pay_page import signed_in
from tests.enrollment.builders import a_member, an_intake
from tests.enrollment.test_reserving import AGREED, agree
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db(transaction=True)

CEILING = 43  # two ask for a move from another group, and for pages made before
# As the bench counts: not what begins and ends a transaction.
CONTROL = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)")

Kicks = list[Callable[[], Any]]


@pytest.fixture
def kicks(monkeypatch: pytest.MonkeyPatch) -> Kicks:
    """The tasks that the broker was given; the worker has not taken them yet."""
    waiting: Kicks = []

    def keep(task: Any, **kwargs: Any) -> bool:
        waiting.append(lambda: task(**kwargs))
        return True

    monkeypatch.setattr(broker, "kick_now", keep)
    return waiting


def busy_group(standin: Standin, size: int) -> Cohort:
    """A group of `size` sessions and members beside as many others."""
    cohort, *_ = [a_group() for _ in range(size)]
    GroupSession.objects.filter(number__gt=size).delete()
    for _ in range(size):
        a_payment(standin, a_seat(cohort))
    return cohort


def enrol(standin: Standin, client: Client, cohort: Cohort, kicks: Kicks) -> None:
    """The requests of one enrolment, Stripe's events about it, and the one task of the worker."""
    to_pay = client.post(agree(cohort), AGREED)
    to_stripe = client.post(to_pay["Location"])
    standin.control("pay", session=to_stripe["Location"].rpartition("/")[2])
    for type in ("payment_intent.succeeded", "checkout.session.completed"):
        assert post_event(standin.events(type)[-1]) == 200
    kicks.pop()()
    assert kicks == []


def asked(standin: Standin, smtp_sink: SmtpSink, kicks: Kicks, size: int) -> list[str]:
    """The statements of one enrolment into a group of that size."""
    cohort, member = busy_group(standin, size), a_member()
    an_intake(member, now=now())
    client = signed_in(member)
    assert client.get(agree(cohort)).status_code == 200
    deliver()  # what the others are owed
    before = len(smtp_sink.messages)
    with CaptureQueriesContext(connection) as captured:
        enrol(standin, client, cohort, kicks)
    assert Enrollment.objects.get(member=member).status == "active"
    assert [mail.rcpt_tos for mail in smtp_sink.messages[before:]] == [[member.email]]
    statements = [query["sql"] for query in captured.captured_queries]
    return [sql for sql in statements if not CONTROL.match(sql)]


def test_a_whole_enrolment_asks_at_most_so_many_queries_whatever_the_group(
    standin: Standin, smtp_sink: SmtpSink, kicks: Kicks
) -> None:
    alone, three = (asked(standin, smtp_sink, kicks, size) for size in (1, 3))
    assert len(alone) <= CEILING, "\n".join(alone)
    assert len(three) == len(alone), "\n".join(three)


def test_a_whole_enrolment_speaks_to_stripe_twice(
    standin: Standin, smtp_sink: SmtpSink, kicks: Kicks
) -> None:
    """Once for the page and once for the truth: the event itself is not believed."""
    asked(standin, smtp_sink, kicks, 1)
    assert [row["route"] for row in standin.requests][-2:] == [CREATE, RETRIEVE]
    assert len(standin.requests) == 2 * 2  # this enrolment's, and those of the one before
