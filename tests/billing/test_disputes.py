"""Disputes: the money follows Stripe, the seat a person, and nothing goes back twice."""

import datetime as dt
import re
import uuid

import pytest
import stripe
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from billing import (
    charging,
    dispute_facts,
    dispute_seats,
    disputes,
    ledger,
    queue,
    refunds,
    reviews,
    standing,
    story,
    story_mails,
    sweeps,
    transfers,
)
from billing.dispute_mails import DISPUTED_SEAT, disputed_seat
from billing.models import Dispute, LedgerEntry, Payment, Refund, StripeEvent
from billing.policy import Basis
from enrollment import door, services
from enrollment.links import promise_links
from enrollment.models import Attendance, Enrollment
from enrollment.states import Status
from outbox import services as outbox
from outbox.models import Message
from outbox.services import deliver_due
from sandbox.stripe_standin.process import Standin
from sessions.models import GroupSession
from tests.billing.builders import (
    PRICE,
    a_group,
    a_payment,
    a_seat,
    apply_all,
    mails,
    now,
    paid_at_stripe,
    post_event,
    refreshed,
    seat_of,
)
from tests.billing.decided import a_paid_seat, after
from tests.billing.decided import decide as decide_refund
from tests.billing.desk import an_outside_refund
from tests.billing.instalments import a_plan, card_does, plan_of, when_due
from tests.billing.people import a_billing_admin, at_the_desk
from tests.enrollment.builders import a_cohort, a_member, a_place_in_line, session
from tests.enrollment.pages import said
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

Seat = Dispute.Seat
CLINICAL = r"\bdbt\b|therap|skills?\b|diagnos|mindful|emotion|treatment|patient|jit\.si|/join/"


def tell(standin: Standin, *types: str) -> None:
    """Deliver the newest event of each type, and let the worker apply it."""
    for type in types:
        assert post_event(standin.events(type)[-1]) == 200
    apply_all()


def opened(standin: Standin, payment: Payment | None = None, **how: object) -> Dispute:
    """A dispute that we heard of."""
    payment = payment or a_payment(standin)
    made = standin.control("dispute", payment_intent=payment.stripe_payment_intent_id, **how)
    tell(standin, "charge.dispute.created")
    return Dispute.objects.get(stripe_dispute_id=made["id"])


def close(standin: Standin, dispute: Dispute, *, won: bool) -> Dispute:
    standin.control("close_dispute", dispute=dispute.stripe_dispute_id, won=won)
    tell(standin, "charge.dispute.closed")
    dispute.refresh_from_db()
    return dispute


def request(payment: Payment, cents: int) -> Refund:
    return refunds.request_refund(
        payment_id=payment.pk, amount_cents=cents, reason=Refund.Reason.DESK, now=now()
    )


def lines(payment: Payment) -> list[tuple[str, int]]:
    rows = LedgerEntry.objects.filter(enrollment=payment.enrollment_id).order_by("pk")
    return list(rows.values_list("kind", "amount_cents"))


# --- What Stripe says ---------------------------------------------------------------------


def test_a_dispute_is_written_and_its_money_leaves_the_ledger(standin: Standin) -> None:
    payment = a_payment(standin)
    dispute = opened(standin, payment, reason="product_not_received")
    assert (dispute.payment, dispute.amount_cents, dispute.status) == (
        payment,
        PRICE,
        "needs_response",
    )
    assert dispute.reason == "product_not_received"
    assert dispute.evidence_due_by is not None
    assert lines(payment) == [("charge", PRICE), ("dispute", -PRICE)]
    assert ledger.balance(payment.enrollment) == 0
    assert refreshed(payment.enrollment).status == "active"


def test_every_event_in_any_order_and_twice_posts_each_movement_once(standin: Standin) -> None:
    payment = a_payment(standin)
    dispute = opened(standin, payment)
    standin.control("close_dispute", dispute=dispute.stripe_dispute_id, won=True)
    types = [event["type"] for event in standin.events() if "dispute" in event["type"]]
    tell(standin, *reversed(types))
    StripeEvent.objects.update(status="stored")
    apply_all()
    assert lines(payment) == [
        ("charge", PRICE),
        ("dispute", -PRICE),
        ("dispute_won", PRICE),
    ]
    dispute.refresh_from_db()
    assert (dispute.status, dispute.closed_at is not None) == ("won", True)


def test_a_question_of_the_bank_moves_no_money_and_forbids_no_refund(standin: Standin) -> None:
    payment = a_payment(standin)
    dispute = opened(standin, payment, inquiry=True)
    assert dispute.status == "warning_needs_response"
    assert lines(payment) == [("charge", PRICE)]
    assert disputes.refundable_cents(payment) == PRICE
    request(payment, 5_000)
    sweeps.submit_open_refunds(now=now())
    assert payment.refunds.get().status == "succeeded"


def test_a_question_that_becomes_a_dispute_takes_the_money(standin: Standin) -> None:
    payment = a_payment(standin)
    dispute = opened(standin, payment, inquiry=True)
    standin.control("escalate_dispute", dispute=dispute.stripe_dispute_id)
    tell(standin, "charge.dispute.funds_withdrawn")
    assert lines(payment)[-1] == ("dispute", -PRICE)
    assert disputes.refundable_cents(payment) == 0


def test_a_dispute_of_somebody_elses_payment_is_none_of_ours(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    standin.control("dispute", session=attempt.stripe_session_id)
    tell(standin, "charge.dispute.created")
    assert Dispute.objects.count() == 0
    assert StripeEvent.objects.get().status == "ignored"


def test_dropped_events_of_a_dispute_are_made_up_for_by_the_sweep(standin: Standin) -> None:
    payment = a_payment(standin)
    standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    sweeps.reconcile(now=now())
    dispute = Dispute.objects.get()
    assert lines(payment)[-1] == ("dispute", -PRICE)
    standin.control("close_dispute", dispute=dispute.stripe_dispute_id, won=True)
    sweeps.reconcile(now=now())
    dispute.refresh_from_db()
    assert (dispute.status, lines(payment)[-1]) == ("won", ("dispute_won", PRICE))


def test_an_old_dispute_that_ended_in_silence_is_asked_for_again(standin: Standin) -> None:
    dispute = opened(standin)
    standin.control("close_dispute", dispute=dispute.stripe_dispute_id, won=False)
    later = now() + dt.timedelta(days=8)
    Dispute.objects.update(opened_at=now() - dt.timedelta(days=30))
    sweeps.reconcile(now=later)
    dispute.refresh_from_db()
    assert (dispute.status, dispute.closed_at) == ("lost", later)


# --- Refunds ------------------------------------------------------------------------------


def test_a_disputed_payment_is_not_refunded_and_the_words_say_why(standin: Standin) -> None:
    payment = a_payment(standin)
    opened(standin, payment)
    with pytest.raises(refunds.NotRefundable, match="holds this payment in a dispute"):
        request(payment, 1_000)
    assert (Refund.objects.count(), refreshed(payment).refund_reserved_cents) == (0, 0)


def test_after_a_lost_dispute_only_what_the_bank_left_is_refunded(standin: Standin) -> None:
    payment = a_payment(standin)
    dispute = opened(standin, payment, amount=20_000)
    close(standin, dispute, won=False)
    assert disputes.refundable_cents(payment) == PRICE - 20_000
    with pytest.raises(refunds.NotRefundable, match="has given this money back"):
        request(payment, PRICE - 20_000 + 1)
    request(payment, PRICE - 20_000)
    sweeps.submit_open_refunds(now=now())
    assert Refund.objects.get().status == "succeeded"
    assert ledger.balance(payment.enrollment) == 0


def test_after_a_won_dispute_everything_can_be_refunded(standin: Standin) -> None:
    payment = a_payment(standin)
    close(standin, opened(standin, payment), won=True)
    assert disputes.refundable_cents(payment) == PRICE
    request(payment, PRICE)
    sweeps.submit_open_refunds(now=now())
    assert Refund.objects.get().status == "succeeded"


def test_a_refund_asked_for_before_the_dispute_ends_as_stripe_says(standin: Standin) -> None:
    payment = a_payment(standin)
    refund = request(payment, 10_000)
    standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    sweeps.submit_open_refunds(now=now())
    assert (refreshed(refund).status, refreshed(payment).refund_reserved_cents) == ("failed", 0)
    assert "holds this payment in a dispute" in refund.note
    assert lines(payment) == [("charge", PRICE)]


def test_a_refund_under_way_when_the_dispute_opens_settles(standin: Standin) -> None:
    payment = a_payment(standin)
    standin.control("next_refund", outcome="pending")
    refund = request(payment, 10_000)
    sweeps.submit_open_refunds(now=now())
    opened(standin, payment, amount=PRICE - 10_000)
    standin.control("finish_refund", refund=refreshed(refund).stripe_refund_id)
    tell(standin, "refund.updated")
    assert refreshed(refund).status == "succeeded"
    assert ledger.balance(payment.enrollment) == 0


def test_a_refund_made_in_the_dashboard_before_the_dispute_is_still_booked(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    intent = payment.stripe_payment_intent_id
    standin.control("refund", payment_intent=intent, amount=9_900)
    opened(standin, payment, amount=PRICE - 9_900)
    sweeps.reconcile(now=now())
    assert payment.refunds.get().reason == "outside"
    assert ledger.balance(payment.enrollment) == 0


# --- The seat -----------------------------------------------------------------------------


def decide(dispute: Dispute, what: Dispute.Seat) -> Dispute:
    dispute = Dispute.objects.select_related(
        "payment__enrollment__member", "payment__enrollment__cohort"
    ).get(pk=dispute.pk)
    rehearsal = dispute_seats.rehearse(dispute=dispute, what=what, now=now())
    return dispute_seats.decide(
        dispute_id=dispute.pk,
        what=what,
        reason="Talked on the phone",
        seen=rehearsal.seen,
        actor=a_billing_admin(),
        now=now(),
    )


def test_the_seat_stays_until_a_person_decides(standin: Standin) -> None:
    dispute = opened(standin)
    close(standin, dispute, won=False)
    enrollment = refreshed(dispute.payment.enrollment)
    assert (enrollment.status, seat_of(enrollment) is not None) == ("active", True)


def test_pausing_keeps_the_chair_and_shuts_links_and_door(standin: Standin) -> None:
    dispute = opened(standin)
    decide(dispute, Seat.PAUSE)
    enrollment = refreshed(dispute.payment.enrollment)
    assert (enrollment.status, seat_of(enrollment) is not None) == ("suspended", True)
    at = session(enrollment.cohort, 1).starts_at
    assert promise_links(now=at - dt.timedelta(hours=1)) == 0
    doorway = door.look(token=enrollment.door_token, user=enrollment.member, now=at)
    assert doorway.state == "no_standing"
    assert mails("disputed-seat") == 1


def test_keeping_after_a_pause_opens_the_seat_again(standin: Standin) -> None:
    dispute = opened(standin)
    decide(dispute, Seat.PAUSE)
    later = dispute_seats.rehearse(
        dispute=Dispute.objects.get(pk=dispute.pk), what=Seat.KEEP, now=now()
    )
    assert later.seat == "The pause ends, and the seat is confirmed again."
    decide(dispute, Seat.KEEP)
    assert refreshed(dispute.payment.enrollment).status == "active"


def test_a_part_that_is_overdue_after_a_pause_has_its_time_of_grace_anew(standin: Standin) -> None:
    """Otherwise nobody would ever pause a seat whose part stays unpaid."""
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "authentication_required")
    due = when_due(standin, enrollment)
    charging.charge_due(now=due)
    assert refreshed(enrollment).status == Status.GRACE
    dispute = opened(standin, Payment.objects.get())
    decide(dispute, Dispute.Seat.PAUSE)
    dispute = decide(dispute, Dispute.Seat.KEEP)
    assert refreshed(enrollment).status == Status.GRACE
    plan = plan_of(enrollment)
    assert (plan.overdue_since, plan.warned_at) == (dispute.seat_decided_at, None)


def test_keeping_lifts_no_pause_that_another_cause_has(standin: Standin) -> None:
    dispute = opened(standin)
    type(dispute.payment.enrollment).objects.update(status=Status.SUSPENDED)
    decide(dispute, Seat.KEEP)
    assert refreshed(dispute.payment.enrollment).status == "suspended"
    assert mails("disputed-seat") == 0


def test_ending_frees_the_chair_and_moves_no_cent(standin: Standin) -> None:
    dispute = opened(standin)
    before = lines(dispute.payment)
    decide(dispute, Seat.END)
    enrollment = refreshed(dispute.payment.enrollment)
    assert (enrollment.status, seat_of(enrollment)) == ("withdrawn", None)
    assert lines(dispute.payment) == before
    assert dispute_seats.choices(dispute) == []


def test_a_decision_on_what_was_not_seen_does_nothing(standin: Standin) -> None:
    dispute = opened(standin)
    dispute.payment.enrollment.cohort  # noqa: B018  read before
    seen = dispute_seats.rehearse(dispute=dispute, what=Seat.END, now=now()).seen
    close(standin, dispute, won=True)
    with pytest.raises(dispute_seats.ChangedMeanwhile):
        dispute_seats.decide(
            dispute_id=dispute.pk,
            what=Seat.END,
            reason="x",
            seen=seen,
            actor=a_billing_admin(),
            now=now(),
        )
    assert refreshed(dispute.payment.enrollment).status == "active"


@pytest.mark.parametrize(
    ("what", "subject"),
    [(Seat.PAUSE, "Your seat is paused"), (Seat.END, "Your seat has been released")],
)
def test_the_mail_is_neutral_and_says_what_happened(
    standin: Standin, smtp_sink: SmtpSink, what: Dispute.Seat, subject: str
) -> None:
    dispute = opened(standin)
    Message.objects.all().delete()
    decide(dispute, what)
    deliver_due(clock=timezone.now)
    [mail] = smtp_sink.messages
    assert mail.message["Subject"] == subject
    body = mail.message.get_body(("plain",))
    assert body is not None
    words = body.get_content().split("911")[0]
    assert "$299.00" in words
    assert not re.search(CLINICAL, words, re.IGNORECASE)


PAUSED, ENDED = "Your seat is paused", "Your seat has been released"
OPEN_AGAIN = "Your seat is open again"


def decided_in_a_minute(
    sink: SmtpSink, dispute: Dispute, *decided: Dispute.Seat, told_each: bool = False
) -> list[str]:
    """The subjects that the member reads of decisions that are seconds apart."""
    Message.objects.all().delete()
    with time_machine.travel(now(), tick=False) as clock:
        for what in decided:
            decide(dispute, what)
            clock.shift(2)
            if told_each:
                deliver_due(clock=timezone.now)
        deliver_due(clock=timezone.now)
    return [str(one.message["Subject"]) for one in sink.messages]


@pytest.mark.parametrize(
    ("decided", "subjects"),
    [
        ([Seat.PAUSE, Seat.END], [ENDED]),
        ([Seat.PAUSE, Seat.KEEP], [OPEN_AGAIN]),
        ([Seat.PAUSE, Seat.KEEP, Seat.END], [ENDED]),
        ([Seat.PAUSE, Seat.KEEP, Seat.PAUSE], [PAUSED]),
    ],
)
def test_of_decisions_within_a_minute_the_last_is_told(
    standin: Standin, smtp_sink: SmtpSink, decided: list[Dispute.Seat], subjects: list[str]
) -> None:
    assert decided_in_a_minute(smtp_sink, opened(standin), *decided) == subjects


def test_what_was_told_a_moment_ago_keeps_back_no_newer_mail(
    standin: Standin, smtp_sink: SmtpSink
) -> None:
    decided = (Seat.PAUSE, Seat.KEEP, Seat.END)
    told = decided_in_a_minute(smtp_sink, opened(standin), *decided, told_each=True)
    assert told == [PAUSED, OPEN_AGAIN, ENDED]


@pytest.mark.parametrize("told_each", [True, False])
def test_who_lost_the_seat_never_reads_that_it_is_open(
    standin: Standin, smtp_sink: SmtpSink, told_each: bool
) -> None:
    """It was won after its seat was ended: "They left" is noted as a seat that is kept."""
    dispute = opened(standin)
    Message.objects.all().delete()
    decide(dispute, Seat.END)
    if told_each:
        deliver_due(clock=timezone.now)
    decide(close(standin, dispute, won=True), Seat.KEEP)
    deliver_due(clock=timezone.now)
    assert [str(one.message["Subject"]) for one in smtp_sink.messages] == [ENDED]


def test_who_leaves_before_the_mail_goes_out_reads_of_no_open_seat(
    standin: Standin, smtp_sink: SmtpSink
) -> None:
    dispute = opened(standin)
    decide(dispute, Seat.PAUSE)
    Message.objects.all().delete()
    decide(dispute, Seat.KEEP)
    seat = dispute.payment.enrollment
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=now())
    deliver_due(clock=timezone.now)
    [message] = Message.objects.all()
    assert (message.state, message.reason) == ("not_owed", "The seat is withdrawn.")


def test_a_batch_of_mails_about_decisions_costs_the_same_however_long(standin: Standin) -> None:
    counts = []
    for number in (1, 3):
        made = [decide(opened(standin, a_payment(standin)), Seat.PAUSE) for _ in range(number)]
        batch = [Message(pk=one.pk, subject_id=one.pk) for one in made]
        with CaptureQueriesContext(connection) as asked:
            assert len(disputed_seat(batch, now())) == number
        counts.append(len(asked))
    assert counts == [4, 4]


# --- The queue ----------------------------------------------------------------------------


def test_it_waits_for_an_answer_and_then_for_a_decision(standin: Standin) -> None:
    dispute = opened(standin)
    assert [one.what for one in disputes.waiting(now())] == ["Dispute: an answer is due"]
    late = now() + dt.timedelta(days=10)
    assert [one.what for one in disputes.waiting(late)] == ["Dispute: the day to answer has passed"]
    standin.control("answer_dispute", dispute=dispute.stripe_dispute_id)
    tell(standin, "charge.dispute.updated")
    [one] = disputes.waiting(now())
    assert (one.what, one.cents, one.seat, one.url) == (
        "Dispute: decide about the seat",
        PRICE,
        dispute.payment.enrollment,
        f"/money/disputes/{dispute.stripe_dispute_id}/",
    )
    decide(dispute, Seat.KEEP)
    assert disputes.waiting(now()) == []


# --- Pages --------------------------------------------------------------------------------


def test_the_page_shows_what_may_be_shared_and_no_attendance(standin: Standin) -> None:
    dispute = opened(standin, reason="unrecognized")
    enrollment = dispute.payment.enrollment
    attended = session(enrollment.cohort, 1)
    Attendance.objects.create(
        enrollment=enrollment, session=attended, arrived_at=now(), location="NY"
    )
    Message.objects.filter(kind="seat-confirmed").update(state="sent", sent_at=now())
    page = at_the_desk().get(dispute.get_absolute_url()).content.decode()
    for words in (
        "$299.00",
        "They do not know the name on their card statement.",
        "12-week program",
        "version 2026-11",
        "Mailed: Confirmation of the purchase",
        "Evidence is handed in at Stripe",
        "Show attendance",
    ):
        assert words in page
    assert "Arrived" not in page
    assert AuditEntry.objects.count() == 0


def test_what_happened_several_times_is_a_list(standin: Standin) -> None:
    dispute = opened(standin)
    whose = dispute.payment.enrollment
    for week in (1, 2):
        Message.objects.create(
            kind="session-link",
            subject_id=whose.pk,
            occasion_id=week,
            recipient=whose.member,
            state="sent",
            next_try_at=now(),
            created_at=now(),
            sent_at=now() + dt.timedelta(hours=week),
        )
    page = at_the_desk().get(dispute.get_absolute_url()).content.decode()
    shown = page.split("Mailed: Access to a session</dt>")[1].split("</dd>")[0]
    assert shown.count("<li>") == 2


def test_a_look_at_attendance_is_written_down_before_it_is_shown(standin: Standin) -> None:
    dispute = opened(standin)
    enrollment = dispute.payment.enrollment
    first = session(enrollment.cohort, 1)
    Attendance.objects.create(enrollment=enrollment, session=first, arrived_at=now(), location="NY")
    reader = a_billing_admin()
    client = at_the_desk(reader)
    url = dispute.get_absolute_url()
    response = client.post(url)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject_id, entry.actor) == (
        Action.ATTENDANCE_READ,
        dispute.stripe_dispute_id,
        reader,
    )
    assert response["Location"] == f"{url}?look={entry.pk}#attendance"
    assert "Arrived" in client.get(f"{url}?look={entry.pk}").content.decode()
    # Nobody else, no other entry, and not for ever.
    assert "Arrived" not in at_the_desk().get(f"{url}?look={entry.pk}").content.decode()
    assert "Arrived" not in client.get(f"{url}?look={entry.pk + 1}").content.decode()
    over = now() + dispute_facts.LOOK + dt.timedelta(seconds=1)
    seen = dispute_facts.attendance(dispute=dispute, reader=reader, entry=entry.pk, now=over)
    assert (seen.shown, seen.arrivals) == (False, [])


def test_what_is_to_copy_is_neutral(standin: Standin) -> None:
    dispute = opened(standin)
    found = dispute_facts.facts(dispute=dispute, now=now() + dt.timedelta(days=30))
    text = dispute_facts.text_block(dispute=dispute, found=found)
    assert "Sessions held so far:\n- " in text
    assert not re.search(CLINICAL + "|evening|arriv|attend", text, re.IGNORECASE)


def test_a_rehearsal_shows_all_and_the_press_does_it_once(standin: Standin) -> None:
    dispute = opened(standin)
    client, url = at_the_desk(), f"{dispute.get_absolute_url()}seat/pause/"
    page = client.get(url)
    for words in ("Their door is shut at once", "No link is sent while", "Your seat is paused"):
        assert words in page.content.decode()
    assert refreshed(dispute.payment.enrollment).status == "active"
    seen = page.context["rehearsal"].seen
    assert client.post(url, {"seen": seen, "reason": ""}).status_code == 422
    press = {"seen": seen, "reason": "Called them"}
    assert client.post(url, press).status_code == 302
    assert refreshed(dispute.payment.enrollment).status == "suspended"
    again = client.post(url, press, follow=True)
    assert "open to no such decision any more" in again.content.decode()
    assert mails("disputed-seat") == 1


def test_a_stale_rehearsal_does_nothing_and_keeps_what_was_typed(standin: Standin) -> None:
    dispute = opened(standin)
    client, url = at_the_desk(), f"{dispute.get_absolute_url()}seat/end/"
    seen = client.get(url).context["rehearsal"].seen
    decide(dispute, Seat.PAUSE)
    response = client.post(url, {"seen": seen, "reason": "They asked for it"})
    assert response.status_code == 409
    assert "They asked for it" in response.content.decode()
    assert refreshed(dispute.payment.enrollment).status == "suspended"


# --- After a move -----------------------------------------------------------------------------


def moved(payment: Payment, price_cents: int = PRICE) -> Enrollment:
    """Whose member has moved to another group, at once."""
    source = payment.enrollment
    cohort = a_cohort(
        starts_at=now() + dt.timedelta(days=21), name="Other", price_cents=price_cents
    )
    seen = transfers.rehearse(source=source, cohort=cohort, now=now()).seen
    return transfers.start(
        source_id=source.pk,
        cohort=cohort,
        seen=seen,
        key=uuid.uuid4(),
        actor=source.member,
        now=now(),
    ).target


def test_a_dispute_after_a_move_takes_the_money_of_the_seat_that_it_moved_to(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    target = moved(payment)
    dispute = opened(standin, payment)
    assert (ledger.balance(payment.enrollment), ledger.balance(target)) == (0, 0)
    assert disputes.withdrawn_cents([dispute]) == {dispute.stripe_dispute_id: PRICE}
    close(standin, dispute, won=True)
    assert (ledger.balance(payment.enrollment), ledger.balance(target)) == (0, PRICE)
    assert disputes.left_cents(payment) == PRICE


def test_after_a_move_a_bank_and_the_desk_read_of_both_seats(standin: Standin) -> None:
    payment = a_payment(standin)
    source = payment.enrollment
    target = moved(payment)
    dispute = opened(standin, payment)
    assert [one.enrollment.pk for one in dispute_facts.bought(dispute)] == [source.pk, target.pk]
    found = dispute_facts.facts(dispute=dispute, now=now() + dt.timedelta(days=90))
    lines = {fact.label: fact.lines for fact in found}
    assert "to other dates" in lines["Moved at their own wish"][0]
    # The sessions of the group that they left lay all ahead: none of them was theirs.
    assert len(lines["Sessions held so far"]) == _held(target, 90) > 5
    text = dispute_facts.text_block(dispute=dispute, found=found)
    assert not re.search(CLINICAL + "|evening|arriv|attend", text, re.IGNORECASE)
    outbox.promise(
        kind=DISPUTED_SEAT, recipient_id=target.member_id, subject_id=dispute.pk, now=now()
    )
    for one in (source, target):
        said = [line.what for line in story_mails.mail_lines(one)]
        assert "Notice about the seat during a dispute" in said


def _held(enrollment: Enrollment, days: int) -> int:
    """How many sessions of the group are over after so many days."""
    until = now() + dt.timedelta(days=days)
    return enrollment.cohort.group_sessions.filter(ends_at__lte=until).count()


def test_after_moves_the_seat_that_is_there_is_asked_about(standin: Standin) -> None:
    payment = a_payment(standin)
    target = moved(payment)
    dispute = close(standin, opened(standin, payment), won=False)
    [row] = disputes.waiting(now())
    assert (row.seat, row.what) == (target, "Dispute: decide about the seat")
    client, url = at_the_desk(), f"{dispute.get_absolute_url()}seat/end/"
    assert "Other" in client.get(dispute.get_absolute_url()).content.decode()
    story = client.get(reverse("billing:enrollment", args=[target.public_id]))
    assert dispute.get_absolute_url() in story.content.decode()
    seen = client.get(url).context["rehearsal"].seen
    assert client.post(url, {"seen": seen, "reason": "Called them"}).status_code == 302
    assert (refreshed(target).status, seat_of(target)) == ("withdrawn", None)
    assert disputes.waiting(now()) == []


def test_a_seat_bought_anew_is_not_asked_about(standin: Standin) -> None:
    payment = a_payment(standin)
    target = moved(payment)
    services.withdraw(enrollment_id=target.pk, actor=target.member, reason="Left", now=now())
    a_payment(standin, a_seat(member=target.member))
    close(standin, opened(standin, payment), won=False)
    assert disputes.waiting(now()) == []


def test_a_refund_of_the_dashboard_after_a_move_is_of_the_seat_that_it_moved_to(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    target = moved(payment)
    refund = an_outside_refund(standin, payment, cents=PRICE)
    assert (refund.enrollment, ledger.balance(target)) == (target, 0)
    page = reverse("billing:outside_refund", args=[refund.uuid])
    client = at_the_desk()
    form = client.get(page).context["form"]
    reply = client.post(page, {"seen": form["seen"].value(), "seat": "free"})
    assert reply["Location"].startswith(reverse("billing:refund", args=[target.public_id]))
    assert refreshed(refund).seen_at is not None


def test_a_move_after_the_refund_of_the_dashboard_is_found_too(standin: Standin) -> None:
    payment = a_payment(standin)
    refund = an_outside_refund(standin, payment)
    target = moved(payment, PRICE - 500)
    assert (refund.enrollment, reviews.seat_of(refund)) == (payment.enrollment, target)


def test_what_is_won_after_the_member_left_waits_until_somebody_decides(standin: Standin) -> None:
    payment, moved_on = a_payment(standin), a_payment(standin)
    dispute = opened(standin, payment)
    whose = payment.enrollment
    services.withdraw(enrollment_id=whose.pk, actor=whose.member, reason="Left", now=now())
    moved(moved_on)
    close(standin, opened(standin, moved_on), won=True)
    close(standin, dispute, won=True)
    [group] = queue.waiting(now=now())
    [row] = group.rows
    assert (group.slug, row.cents, row.url) == ("won", PRICE, dispute.get_absolute_url())
    client, url = at_the_desk(), f"{dispute.get_absolute_url()}seat/keep/"
    assert "nothing more goes back" in client.get(dispute.get_absolute_url()).content.decode()
    seen = client.get(url).context["rehearsal"].seen
    assert client.post(url, {"seen": seen, "reason": "All sessions held"}).status_code == 302
    assert queue.waiting(now=now()) == []
    assert (mails("disputed-seat"), refreshed(whose).status) == (0, "withdrawn")


def test_what_is_won_after_a_move_that_did_not_count_it_waits_for_a_person(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    dispute, source = opened(standin, payment), payment.enrollment
    target = moved(payment, price_cents=0)
    assert ledger.balance(target) == 0
    close(standin, dispute, won=True)
    assert ledger.balance(source) == PRICE
    [group] = queue.waiting(now=now())
    assert (group.slug, [row.url for row in group.rows]) == ("won", [dispute.get_absolute_url()])
    decide_refund(refreshed(source), basis=Basis.AMOUNT, amount=PRICE, now=now())
    assert queue.waiting(now=now()) == []


def test_what_is_won_late_waits_no_more_after_a_refund_was_decided(standin: Standin) -> None:
    payment = a_payment(standin)
    dispute, whose = opened(standin, payment), payment.enrollment
    services.withdraw(enrollment_id=whose.pk, actor=whose.member, reason="Left", now=now())
    close(standin, dispute, won=True)
    assert disputes.won_too_late() == [(dispute, PRICE)]
    decide_refund(whose, basis=Basis.AMOUNT, amount=1_000, now=now())
    assert disputes.won_too_late() == []


def test_an_unknown_dispute_or_decision_is_not_found(standin: Standin) -> None:
    dispute = opened(standin)
    client = at_the_desk()
    assert client.get("/money/disputes/dp_none/").status_code == 404
    assert client.get(f"{dispute.get_absolute_url()}seat/sell/").status_code == 404


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_list_asks_as_much_for_three_as_for_one(standin: Standin) -> None:
    client = at_the_desk()
    opened(standin)
    client.get("/money/disputes/")
    one = queries(client, "/money/disputes/")
    opened(standin)
    opened(standin)
    assert queries(client, "/money/disputes/") == one
    with CaptureQueriesContext(connection) as captured:
        assert len(disputes.waiting(now())) == 3
    assert len(captured) == 3


def test_stripe_refuses_a_refund_of_what_is_disputed_by_type_not_text(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    opened(standin, payment)
    client = stripe.StripeClient(standin.secret_key, base_addresses={"api": standin.url})
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({"payment_intent": str(payment.stripe_payment_intent_id)})
    assert raised.value.code == "charge_disputed"


# --- A pause that outlives the dispute ------------------------------------------------------------


@pytest.mark.parametrize(
    ("won", "what", "told"),
    [
        (True, "Won, and the seat is still paused: decide", "your payment stays with us"),
        (False, "Lost, and the seat is still paused: decide", "given your payment back to you"),
    ],
)
def test_a_seat_that_is_still_paused_when_the_bank_has_decided_waits_for_a_person(
    standin: Standin, client: Client, won: bool, what: str, told: str
) -> None:
    dispute = opened(standin)
    decide(dispute, Seat.PAUSE)
    client.force_login(dispute.payment.enrollment.member)
    address = dispute.payment.enrollment.get_absolute_url()
    assert "Your bank is looking at a payment of yours" in said(client.get(address))
    standin.control("answer_dispute", dispute=dispute.stripe_dispute_id)
    tell(standin, "charge.dispute.updated")
    assert disputes.waiting(now()) == []
    dispute = close(standin, dispute, won=won)
    [row] = disputes.waiting(now())
    assert (row.what, row.since, row.url) == (what, dispute.closed_at, dispute.get_absolute_url())
    page = said(client.get(address))
    assert told in page
    assert "until your payment is settled" not in page
    desk = at_the_desk()
    shown = said(desk.get(dispute.get_absolute_url()))
    for words in ("the seat is still paused", "End the pause…", "Keep it paused…", "End the seat…"):
        assert words in shown, words
    url = f"{dispute.get_absolute_url()}seat/keep/"
    rehearsed = desk.get(url)
    assert "Your seat is open again" in said(rehearsed)
    Message.objects.all().delete()
    press = {"seen": rehearsed.context["rehearsal"].seen, "reason": "The bank decided"}
    assert "The pause is over" in said(desk.post(url, press, follow=True))
    assert (refreshed(dispute.payment.enrollment).status, mails("disputed-seat")) == ("active", 1)
    assert disputes.waiting(now()) == []
    assert "your links are paused" not in said(client.get(address))


def test_a_seat_that_is_kept_paused_waits_again_after_a_while(standin: Standin) -> None:
    """Nothing but a person ends the pause, so it is never out of sight for good."""
    dispute = opened(standin)
    decide(dispute, Seat.PAUSE)
    assert dispute_seats.choices(Dispute.objects.get()) == [Seat.KEEP, Seat.END]
    close(standin, dispute, won=True)
    desk, url = at_the_desk(), f"{dispute.get_absolute_url()}seat/pause/"
    rehearsed = desk.get(url)
    assert "None: nothing changes for them" in said(rehearsed)
    press = {"seen": rehearsed.context["rehearsal"].seen, "reason": "They asked for time"}
    assert "The seat stays paused." in said(desk.post(url, press, follow=True))
    assert (refreshed(dispute.payment.enrollment).status, mails("disputed-seat")) == (
        "suspended",
        1,
    )
    assert disputes.waiting(now()) == []
    [row] = disputes.waiting(now() + disputes.PAUSED_AGAIN)
    assert row.what == "Won, and the seat is still paused: decide"
    decide(dispute, Seat.END)
    assert disputes.waiting(now() + disputes.PAUSED_AGAIN) == []


def test_the_story_says_that_a_person_paused_the_seat_and_that_it_goes_on(
    standin: Standin,
) -> None:
    dispute = opened(standin)
    decide(dispute, Seat.PAUSE)
    decide(dispute, Seat.KEEP)
    told = [
        f"{one.what}: {one.why}"
        for one in story.story(enrollment=dispute.payment.enrollment, now=now()).lines
        if one.kind == "seat" and "Talked on the phone" in one.why
    ]
    assert told == [
        "Seat paused: Dispute: Talked on the phone. A person decided it; the seat is kept and the "
        "door is shut.",
        "Seat goes on: Dispute: Talked on the phone. The seat is theirs as before, and the door is "
        "open to them.",
    ]


# --- What the member reads before they leave or move ----------------------------------------------


def test_what_the_bank_holds_is_said_on_every_page_that_counts_the_money(
    standin: Standin, client: Client
) -> None:
    payment = a_payment(standin)
    seat = payment.enrollment
    other = a_cohort(starts_at=now() + dt.timedelta(days=21), name="Other", price_cents=PRICE)
    leave, move = (reverse(f"billing:{page}", args=[seat.public_id]) for page in ("leave", "move"))
    move_to = reverse("billing:move_to", args=[seat.public_id, other.slug])
    pages = (leave, move, move_to)
    client.force_login(seat.member)
    for page in pages:
        assert "Your bank" not in said(client.get(page)), page
    dispute = opened(standin, payment)
    own = said(client.get(seat.get_absolute_url()))
    assert "Held by your bank $299.00 You asked your bank about this payment." in own
    for page in pages:
        shown = said(client.get(page))
        assert "Your bank holds $299.00 of what you paid" in shown, page
        assert "Ask a person" in shown, page
    assert "Paid $299.00 Held or given back by the bank" in said(client.get(leave))
    assert "a person here looks at what goes back to you" in said(client.get(leave))
    assert "It does not count for another group meanwhile." in said(client.get(move))
    close(standin, dispute, won=False)
    for page in pages:
        shown = said(client.get(page))
        assert "Your bank gave you $299.00 of what you paid back." in shown, page
        assert "Your bank holds" not in shown, page


def test_a_question_of_the_bank_holds_nothing_and_is_told(standin: Standin, client: Client) -> None:
    seat = opened(standin, inquiry=True).payment.enrollment
    client.force_login(seat.member)
    assert "No money has moved." in said(client.get(seat.get_absolute_url()))
    leave = said(client.get(reverse("billing:leave", args=[seat.public_id])))
    assert "Your bank" not in leave


# --- What is told about the end -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("won", "told", "meant"),
    [
        (False, "Given back by your bank", "it gave the money back to you"),
        (True, "Stays paid, by your bank", "it left the money with us"),
    ],
)
def test_its_end_is_told_on_the_members_page_and_dated_in_the_story(
    standin: Standin, client: Client, won: bool, told: str, meant: str
) -> None:
    dispute = opened(standin)
    enrollment = dispute.payment.enrollment
    assert told not in [one.label for one in standing.payment_lines(enrollment, now())]
    dispute = close(standin, dispute, won=won)
    client.force_login(enrollment.member)
    page = client.get(enrollment.get_absolute_url()).content.decode()
    for words in (told, meant, "Your seat and your links stay as they are.", "$299.00"):
        assert words in page, words
    ends = [
        one for one in story.story(enrollment=enrollment, now=now()).lines if "lost" in one.what
    ]
    ends += [
        one for one in story.story(enrollment=enrollment, now=now()).lines if "won" in one.what
    ]
    assert [(one.at, one.what) for one in ends if one.what.startswith("Dispute of")] == [
        (dispute.closed_at, f"Dispute of $299.00 {'won' if won else 'lost'}")
    ]
    decide(dispute, Seat.END)
    [line] = [
        one for one in standing.payment_lines(refreshed(enrollment), now()) if one.label == told
    ]
    assert "You have no seat in this group any more." in line.detail


@pytest.mark.parametrize(
    ("at", "cancelled", "status", "meant"),
    [
        (after(11), 0, "active", "Your seat and your links stay as they are."),
        (after(12), 0, "active", "All your sessions have been held."),
        (after(11), 12, "active", "All your sessions have been held."),
        (after(12), 0, "grace", "All your sessions have been held."),
        (after(11), 0, "suspended", "Your seat is kept, and your links are paused."),
        (after(12), 0, "suspended", "All your sessions have been held."),
        (after(12), 0, "withdrawn", "You have no seat in this group any more."),
    ],
)
def test_what_its_end_means_for_the_seat_follows_the_dates(
    at: dt.datetime, cancelled: int, status: str, meant: str
) -> None:
    enrollment = a_paid_seat()
    GroupSession.objects.filter(number=cancelled).update(cancelled_at=after(10))
    Dispute.objects.create(
        stripe_dispute_id="dp_1",
        payment=Payment.objects.get(),
        amount_cents=PRICE,
        currency="usd",
        reason="fraudulent",
        status="won",
        opened_at=after(2),
        asked_at=after(2),
        closed_at=after(11),
    )
    enrollment.status = status
    [_, line] = standing.payment_lines(enrollment, at)
    assert (line.label, meant in line.detail) == ("Stays paid, by your bank", True), line.detail


def test_who_has_the_freed_seat_next_is_said_before_it_is_freed(standin: Standin) -> None:
    cohort = a_group(capacity=1)
    dispute = opened(standin, a_payment(standin, a_seat(cohort)))
    path = f"/money/disputes/{dispute.stripe_dispute_id}/seat/"
    desk = at_the_desk()
    assert "anybody may reserve it" in said(desk.get(f"{path}end/"))
    first = a_place_in_line(cohort=cohort, member=a_member(display_name="Cleo"), now=now())
    assert "Cleo is next in line: an email offers them the seat at once" in said(
        desk.get(f"{path}end/")
    )
    assert "next in line" not in said(desk.get(f"{path}keep/"))
    decide(dispute, Seat.END)
    assert refreshed(first).status == "offered"
