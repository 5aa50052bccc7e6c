"""PostgreSQL goes away and comes back while people enrol through every part of the application.

A lock on a table lets transactions pile up in their middle before the server is stopped, so
that each such round tears what could be torn.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import Sum
from pytest_django import DjangoDbBlocker

from billing.models import CheckoutAttempt, Payment
from billing.papers.issuing import ESTIMATE_READY
from enrollment import links
from enrollment.models import Consent, Enrollment
from outbox.delivery import MARK_EVERY
from outbox.models import Message
from tests.faults.ledger import half_done
from tests.faults.own_postgres import Mode, OwnPostgres, own_postgres
from tests.faults.shop import CLIENTS, Shop, open_shop

pytestmark = [pytest.mark.race, pytest.mark.stack]

QUESTIONS = 40
RUNS = 8  # of outbox.tasks.deliver at once: the threads of the worker
CONSENTS, MAILS, ATTEMPTS = (model._meta.db_table for model in (Consent, Message, CheckoutAttempt))


@pytest.fixture(scope="module")
def server(django_db_blocker: DjangoDbBlocker) -> Iterator[OwnPostgres]:
    with django_db_blocker.unblock(), own_postgres() as running:
        yield running


def test_a_restart_under_load_is_met_with_kind_pages_and_leaves_nothing_half_done(
    server: OwnPostgres, tmp_path: Path
) -> None:
    with open_shop(server, tmp_path) as shop:
        running = [shop.parts.start_worker(), shop.parts.start_beat(BEAT_SECONDS="1")]
        with shop.customers:
            shop.serve()
            lose_database_and_serve(shop, "fast", writing=CONSENTS)
            lose_database_and_serve(shop, "immediate", writing=MAILS)
            lose_database_and_serve(shop, "immediate", writing=ATTEMPTS)
            lose_database_and_serve(shop, "fast")
        shop.finish()

        assert half_done() == []
        assert [process.poll() for process in running] == [None, None]  # nobody restarted them
        check_money(shop)
        check_mails(shop)


def lose_database_and_serve(shop: Shop, mode: Mode, *, writing: str = "") -> None:
    """The pages that failed were kind (see Customers); none that is asked for later fails."""
    up_at = shop.lose_database(mode, writing=writing)
    shop.serve(2 * CLIENTS)
    assert shop.is_well()
    assert [failure.request for failure in shop.customers.since(up_at)] == []


def check_money(shop: Shop) -> None:
    """Everybody who was served has paid once, by Stripe's books and by ours."""
    served = {member.id for member in shop.customers.enrolled}
    paid = Payment.objects.filter(refund_reserved_cents=0)
    assert sorted(paid.values_list("enrollment__member", flat=True)) == sorted(served)
    assert Enrollment.objects.count() == len(served)
    books = shop.standin.books
    assert books["totals"]["charged"] == paid.aggregate(cents=Sum("amount_cents"))["cents"]
    assert books["sessions"] == {"complete": len(served)}


def check_mails(shop: Shop) -> None:
    """Everybody has a confirmation and an estimate; a copy carries the same Message-ID."""
    members = shop.customers.enrolled
    kinds = Counter(Message.objects.values_list("kind", flat=True))
    assert kinds == {links.SEAT_CONFIRMED: len(members), ESTIMATE_READY: len(members)}
    copies = shop.mail_server.copies()
    assert len(copies) == kinds.total()
    assert set(shop.mail_server.recipients()) == {each.email for each in members}
    assert copies.total() - len(copies) <= MARK_EVERY * RUNS


def test_control_a_reservation_without_a_transaction_is_left_half_done(
    server: OwnPostgres, tmp_path: Path
) -> None:
    with open_shop(server, tmp_path, module="tests.faults.torn") as shop:
        with shop.customers:
            shop.serve()
            shop.lose_database("fast", writing=CONSENTS)
            shop.serve()
        problems = half_done()
        assert len(problems) >= CLIENTS // 2
        assert all("'agreed': []" in problem for problem in problems)


def unwell_after_a_quiet_restart(shop: Shop) -> int:
    """How often somebody is turned away when the database was away while nobody asked."""
    assert [shop.is_well() for _ in range(QUESTIONS)] == [True] * QUESTIONS
    shop.server.stop("fast")
    shop.server.start_again()
    return [shop.is_well() for _ in range(QUESTIONS)].count(False)


def test_a_restart_that_nobody_notices_costs_no_page(server: OwnPostgres, tmp_path: Path) -> None:
    with open_shop(server, tmp_path) as shop:
        assert unwell_after_a_quiet_restart(shop) == 0


def test_control_connections_that_nobody_checks_cost_pages(
    server: OwnPostgres, tmp_path: Path
) -> None:
    unchecked = {"DJANGO_SETTINGS_MODULE": "tests.faults.settings_unchecked"}
    with open_shop(server, tmp_path, **unchecked) as shop:
        assert unwell_after_a_quiet_restart(shop) > 0
