"""Every address of the site, for every kind of reader: exactly the allowed pairs pass.

A new address belongs into `ADDRESSES`; until it stands there a test fails. To whom a page does not
belong, it does not exist (404); who is not signed in is asked to.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Role, User
from billing import ledger, refunds, requests
from billing.models import (
    CheckoutAttempt,
    Difference,
    Dispute,
    MemberRequest,
    Payment,
    Reconciliation,
    Refund,
    RefundRun,
    RunItem,
)
from billing.policy import Basis
from enrollment import absences, group_messages, making_up, season
from enrollment.models import CalendarFeed, Enrollment
from practice import for_leaders
from practice.models import Proposal, Share
from practice.proposals import Words
from sessions import editions
from sessions.models import Cohort, Substitution
from tests.accounts.people import sign_in_with_factor
from tests.billing import decided
from tests.billing.people import a_billing_admin
from tests.billing.pricing import a_code, a_price
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_full_group,
    a_held_seat,
    a_member,
    a_place_in_line,
    session,
)
from tests.practice.lived import a_goal
from tests.practice.sharing import a_practitioner, a_share

pytestmark = pytest.mark.django_db

READERS = (
    "anonymous",
    "member",
    "buyer",
    "visitor",
    "other member",
    "waiting member",
    "leader",
    "substitute",
    "planner",
    "other leader",
    "other planner",
    "billing",
    "practitioner",
    "admin",
)
EVERYBODY = frozenset(READERS)
SIGNED_IN = EVERYBODY - {"anonymous"}
STAFF = frozenset({"leader", "substitute", "planner", "other leader", "other planner", "admin"})
LEADERS = frozenset({"leader", "planner", "admin"})
THAT_DAY = LEADERS | {"substitute"}
PLANNERS = frozenset({"planner", "other planner", "admin"})
OWN_PLANNERS = frozenset({"planner", "admin"})
MEMBER = frozenset({"member"})
SEATED = frozenset({"member", "visitor", "other member"})
MONEY = frozenset({"billing", "admin"})
ADMIN = frozenset({"admin"})
CARE = frozenset({"practitioner"})
# Whoever leads that session; an admin does not by being one.
LEAD_IT = THAT_DAY - ADMIN
SECOND_FACTOR = MONEY | CARE


@dataclass(frozen=True, slots=True)
class Address:
    """Who may open it, what stands in it (by name in the `world`), and how it is asked."""

    allowed: frozenset[str]
    kwargs: tuple[str, ...] = ()
    method: str = "get"
    typed: tuple[tuple[str, str], ...] = ()


GROUP, WEEK, DRAFT = ("slug",), ("slug", "number"), ("draft",)
EDITION = ("programme", "version")
ADDRESSES: dict[str, Address] = {
    "healthz": Address(EVERYBODY),
    "account_login": Address(EVERYBODY),
    "account_signup": Address(EVERYBODY),
    "account_inactive": Address(EVERYBODY),
    "account_logout": Address(EVERYBODY),
    "account_email_verification_sent": Address(EVERYBODY),
    "account_request_login_code": Address(EVERYBODY),
    "account_confirm_login_code": Address(EVERYBODY),
    "account_reset_password": Address(EVERYBODY),
    "account_reset_password_done": Address(EVERYBODY),
    "account_reset_password_from_key": Address(EVERYBODY, ("uidb36", "key")),
    "account_reset_password_from_key_done": Address(EVERYBODY),
    "account_reauthenticate": Address(SIGNED_IN),
    "account_email": Address(SIGNED_IN),
    "account_change_password": Address(SIGNED_IN),
    "account_set_password": Address(SIGNED_IN),
    "mfa_index": Address(SIGNED_IN),
    # Between a right password and being signed in; without that, everybody is led elsewhere.
    "mfa_authenticate": Address(EVERYBODY),
    "mfa_reauthenticate": Address(SIGNED_IN),
    "mfa_activate_totp": Address(SIGNED_IN),
    "mfa_deactivate_totp": Address(SIGNED_IN),
    "mfa_view_recovery_codes": Address(SIGNED_IN),
    "mfa_generate_recovery_codes": Address(SIGNED_IN),
    "mfa_download_recovery_codes": Address(SIGNED_IN),
    "accounts:time_zone": Address(EVERYBODY),
    "accounts:prove_by_code": Address(SIGNED_IN),
    "accounts:profile": Address(SIGNED_IN),
    "practice:hub": Address(MEMBER, ("seat",)),
    "practice:bring": Address(MEMBER, ("seat",), "post"),
    "practice:week": Address(MEMBER, ("begun", "number")),
    "practice:daily_life": Address(SEATED),
    "practice:daily_life_area": Address(SEATED, ("area",)),
    "practice:diary": Address(MEMBER, ("practised",)),
    "practice:diary_day": Address(MEMBER, ("practised", "noted_day")),
    "practice:goals": Address(MEMBER, ("seat",)),
    "practice:goal_new": Address(MEMBER, ("seat",)),
    "practice:goal": Address(MEMBER, ("seat", "goal")),
    "practice:goal_end": Address(MEMBER, ("seat", "goal")),
    "practice:goal_look": Address(MEMBER, ("seat", "goal", "look")),
    "practice:progress": Address(MEMBER, ("seat",)),
    "practice:picture": Address(MEMBER, ("seat", "picture")),
    "practice:progress_paper": Address(MEMBER, ("seat", "look")),
    "practice:plan_fhir": Address(MEMBER, ("seat",)),
    "practice:own_data": Address(SIGNED_IN),
    "practice:download": Address(SIGNED_IN),
    "practice:erase": Address(SIGNED_IN, ("erased",)),
    "practice:sharing": Address(MEMBER, ("seat",)),
    "practice:share_new": Address(MEMBER, ("seat",)),
    "practice:share_leader": Address(MEMBER, ("seat",)),
    "practice:share_goals": Address(MEMBER, ("seat",)),
    "practice:proposal": Address(MEMBER, ("seat", "proposal")),
    "practice:share": Address(MEMBER, ("seat", "share")),
    "practice:share_change": Address(MEMBER, ("seat", "share")),
    "practice:care": Address(CARE),
    "practice:care_overview": Address(CARE, ("care",)),
    "practice:care_plan": Address(CARE, ("care",)),
    "practice:care_diary": Address(CARE, ("care",)),
    "practice:care_goals": Address(CARE, ("care",)),
    "practice:care_attendance": Address(CARE, ("care",)),
    "practice:leading": Address(LEAD_IT, WEEK),
    "practice:leading_member": Address(LEAD_IT, (*WEEK, "seat")),
    "billing:money": Address(MONEY),
    "billing:pay": Address(frozenset({"buyer"}), ("held",)),
    "billing:pay_code": Address(frozenset({"buyer"}), ("held",), "post", (("code", "NONE-1"),)),
    "billing:leave": Address(MEMBER, ("seat",)),
    "billing:move": Address(MEMBER, ("seat",)),
    "billing:move_to": Address(MEMBER, ("seat", "move_to")),
    "billing:ask": Address(MEMBER, ("seat",)),
    "billing:request": Address(MONEY, ("request",)),
    "billing:codes": Address(MONEY),
    "billing:code_new": Address(MONEY),
    "billing:code_end": Address(MONEY, ("code",)),
    "billing:prices": Address(MONEY),
    "billing:price_give": Address(MONEY, ("person",)),
    "billing:price_end": Address(MONEY, ("price",)),
    "billing:payments": Address(MEMBER, ("seat",)),
    "billing:return": Address(frozenset({"buyer"}), ("held",)),
    "billing:papers": Address(MEMBER, ("seat",)),
    "billing:paper": Address(MEMBER, ("seat", "kind")),
    "billing:paper_pdf": Address(MEMBER, ("seat", "kind")),
    "billing:payment_receipt": Address(MEMBER, ("seat", "payment")),
    "billing:payment_receipt_pdf": Address(MEMBER, ("seat", "payment")),
    "billing:desk_receipt": Address(MONEY, ("seat",)),
    "billing:desk_receipt_pdf": Address(MONEY, ("seat",)),
    "billing:desk_superbill": Address(ADMIN, ("seat",)),
    "billing:payment": Address(MONEY, ("attempt",)),
    "billing:outside_refund": Address(MONEY, ("refund",)),
    "billing:search": Address(MONEY),
    "billing:enrollment": Address(MONEY, ("seat",)),
    "billing:numbers": Address(MONEY),
    "billing:plot": Address(MONEY, ("plot",)),
    "billing:ledger": Address(MONEY),
    "billing:ledger_csv": Address(MONEY),
    "billing:disputes": Address(MONEY),
    "billing:dispute": Address(MONEY, ("dispute",)),
    "billing:dispute_seat": Address(MONEY, ("dispute", "what")),
    "billing:reconciliation": Address(MONEY),
    "billing:reconciliation_progress": Address(MONEY),
    "billing:reconciliation_stop": Address(MONEY, ("run",), "post"),
    "billing:difference": Address(MONEY, ("difference",)),
    "billing:refund": Address(MONEY, ("seat",)),
    "billing:decision": Address(MONEY, ("decision",)),
    "billing:failed_refund": Address(MONEY, ("failed_refund",)),
    "billing:run_new": Address(MONEY, ("slug",)),
    "billing:run": Address(MONEY, ("refund_run",)),
    "billing:run_progress": Address(MONEY, ("refund_run",)),
    "billing:run_item": Address(MONEY, ("refund_run", "run_item")),
    "enrollment:home": Address(EVERYBODY),
    "enrollment:cohort": Address(EVERYBODY, GROUP),
    "enrollment:about_you": Address(SIGNED_IN, GROUP),
    "enrollment:agreements": Address(SIGNED_IN, GROUP),
    "enrollment:join_waitlist": Address(SIGNED_IN, GROUP),
    "enrollment:waitlist_about": Address(SIGNED_IN, GROUP),
    "enrollment:offer": Address(frozenset({"waiting member"}), ("offer",)),
    "enrollment:leave_waitlist": Address(frozenset({"waiting member"}), ("offer",)),
    "enrollment:waitlist": Address(LEADERS, GROUP),
    "enrollment:plan_waitlist": Address(OWN_PLANNERS, DRAFT),
    "enrollment:waitlist_offer": Address(ADMIN, ("offer_group", "offer")),
    "enrollment:waitlist_remove": Address(ADMIN, ("offer_group", "offer")),
    "enrollment:my_groups": Address(SIGNED_IN),
    "enrollment:answers": Address(SIGNED_IN),
    "enrollment:my_calendar": Address(SIGNED_IN),
    "enrollment:my_group": Address(MEMBER, ("seat",)),
    # A part of a page, without words for who is signed out: it has the page loaded anew.
    "enrollment:next_session": Address(MEMBER | {"anonymous"}, ("seat",)),
    "enrollment:own_week": Address(MEMBER, ("seat", "number")),
    "enrollment:calendar": Address(MEMBER, ("seat",)),
    # Whoever has its address reads it: it is made to be given to a calendar.
    "enrollment:feed": Address(EVERYBODY, ("feed",)),
    "enrollment:door": Address(MEMBER, ("door",)),
    "enrollment:desk": Address(STAFF),
    "enrollment:roster": Address(LEADERS, GROUP),
    "enrollment:roster_csv": Address(LEADERS, GROUP),
    "enrollment:change_dates": Address(LEADERS, GROUP),
    "enrollment:substitute": Address(LEADERS, GROUP),
    "enrollment:change_leaders": Address(ADMIN, GROUP),
    "enrollment:change_link": Address(LEADERS, GROUP),
    "enrollment:register": Address(THAT_DAY, WEEK),
    "enrollment:arrivals": Address(THAT_DAY, WEEK),
    "enrollment:start": Address(THAT_DAY, WEEK, "post"),
    "enrollment:messages": Address(LEADERS, GROUP),
    "enrollment:message_new": Address(LEADERS, GROUP),
    "enrollment:message": Address(LEADERS, (*GROUP, "message")),
    "enrollment:message_cancel": Address(LEADERS, (*GROUP, "message")),
    "enrollment:person": Address(LEADERS, (*GROUP, "seat")),
    "enrollment:person_in_session": Address(THAT_DAY, (*WEEK, "seat")),
    "enrollment:season": Address(PLANNERS),
    "enrollment:plan_new": Address(PLANNERS),
    "enrollment:plan": Address(OWN_PLANNERS, DRAFT),
    "enrollment:plan_edit": Address(OWN_PLANNERS, DRAFT),
    "enrollment:plan_copy": Address(OWN_PLANNERS, DRAFT),
    "enrollment:plan_another": Address(OWN_PLANNERS, DRAFT),
    "enrollment:plan_dates": Address(OWN_PLANNERS, DRAFT, "post", (("skip", "2026-10-13"),)),
    "enrollment:plan_publish": Address(OWN_PLANNERS, DRAFT, "post"),
    "enrollment:plan_archive": Address(OWN_PLANNERS, DRAFT, "post"),
    "enrollment:plan_capacity": Address(OWN_PLANNERS, DRAFT, "post"),
    "enrollment:curricula": Address(ADMIN),
    "enrollment:curriculum_draft": Address(ADMIN, ("programme",), "post"),
    "enrollment:curriculum": Address(ADMIN, EDITION),
    "enrollment:curriculum_week": Address(ADMIN, (*EDITION, "number")),
    "enrollment:curriculum_throw_away": Address(ADMIN, EDITION),
    "enrollment:curriculum_approve": Address(ADMIN, EDITION),
    "enrollment:curriculum_publish": Address(ADMIN, EDITION),
}
# Stripe's own address has tests of its own; the admin's are below.
ELSEWHERE = {"billing:webhook", "admin"}


def every_address() -> Iterator[str]:
    def walk(patterns: list[URLPattern | URLResolver], space: str) -> Iterator[str]:
        for one in patterns:
            if isinstance(one, URLResolver):
                inside = one.namespace or space
                if inside == "admin":
                    yield "admin"
                else:
                    yield from walk(one.url_patterns, inside)
            elif one.name:
                yield f"{space}:{one.name}" if space else one.name

    return walk(get_resolver().url_patterns, "")


def test_every_address_stands_in_the_table() -> None:
    ours = {name for name in every_address() if not name.startswith("sandbox:")}
    assert ours == ADDRESSES.keys() | ELSEWHERE


@dataclass
class World:
    """A group that meets in five minutes, with somebody of each kind; `values` fill addresses."""

    people: dict[str, User]
    values: dict[str, dict[str, Any]]


@pytest.fixture
def world() -> Iterator[World]:
    with time_machine.travel(FIRST_SESSION - 5 * MINUTE, tick=False):
        yield a_world()


def a_world() -> World:
    now = FIRST_SESSION - 5 * MINUTE
    cohort, elsewhere, draft = a_cohort(), a_cohort(starts_at=FIRST_SESSION + HOUR), a_draft()
    seat = a_confirmed_seat(cohort=cohort)
    visitor = a_confirmed_seat(cohort=elsewhere)
    leader, planner, other_planner = a_facilitator(), a_planner(), a_planner()
    cohort.facilitators.set([leader, planner])
    draft.facilitators.set([leader, planner])
    elsewhere.facilitators.set([other_planner])
    substitute = a_facilitator()
    Substitution.objects.create(session=session(cohort, 1), absent=leader, substitute=substitute)
    visits(visitor, cohort)
    message = group_messages.write(
        key=uuid.uuid4(),
        cohort=cohort,
        author=leader,
        draft=group_messages.Draft(body="Bring a pen.", to=None, send_at=now + HOUR),
        now=now,
    )
    held = a_held_seat(cohort=cohort, now=now)
    offer = an_offer(now)
    begun = a_confirmed_seat(cohort=a_cohort(starts_at=NOW + HOUR), member=seat.member)
    feed = CalendarFeed.objects.create(person=seat.member, made_at=NOW)
    refund = an_outside_refund_of(seat, now)
    failed = decided.a_failed_refund(seat, cents=100, now=now)
    refund_run = a_refund_run(cohort, visitor, now)
    practitioner = a_practitioner()
    share, proposal = a_shared_practice(seat, practitioner, now)
    decision = decided.decide(seat, basis=Basis.AMOUNT, amount=30_001, now=now)
    return World(
        people={
            "member": seat.member,
            "buyer": held.member,
            "visitor": visitor.member,
            "other member": a_confirmed_seat(cohort=cohort).member,
            "waiting member": offer.member,
            "leader": leader,
            "substitute": substitute,
            "planner": planner,
            "other leader": a_facilitator(),
            "other planner": other_planner,
            "billing": a_billing_admin(),
            "practitioner": practitioner,
            "admin": a_member(role=Role.ADMIN),
        },
        values={
            "slug": {"slug": cohort.slug},
            "draft": {"slug": draft.slug},
            "number": {"number": 1},
            "seat": {"public_id": seat.public_id},
            "begun": {"public_id": begun.public_id},
            "area": {"area": "home"},
            "practised": {"public_id": a_practised_seat(seat.member, now).public_id},
            "noted_day": {"date": (now - dt.timedelta(days=1)).date()},
            "held": {"public_id": held.public_id},
            "code": {"pk": a_code().pk},
            "person": {"pk": held.member_id},
            "price": {"pk": a_price(visitor.member, 100).pk},
            "offer": {"public_id": offer.public_id},
            "offer_group": {"slug": offer.cohort.slug},
            "message": {"public_id": message.public_id},
            "share": {"share": share.public_id},
            "care": {"public_id": share.public_id},
            "proposal": {"proposal": proposal.public_id},
            "door": {"token": seat.door_token},
            "feed": {"token": feed.token},
            "kind": {"kind": "estimate"},
            "payment": {"payment_id": a_paid_line(seat)},
            "dispute": {"dispute_id": a_dispute(seat, now).stripe_dispute_id},
            "what": {"what": "keep"},
            "run": {"run_id": a_run(now).pk},
            "difference": {"pk": a_difference(now).pk},
            "decision": {"key": decision.uuid},
            "refund_run": {"key": refund_run.uuid},
            "run_item": {"pk": refund_run.items.get().pk},
            "failed_refund": {"key": failed.uuid},
            "uidb36": {"uidb36": "1"},
            "key": {"key": "x"},
            "attempt": {"attempt": CheckoutAttempt.objects.get().uuid},
            "refund": {"refund": refund.uuid},
            "request": {"pk": a_request(seat, now).pk},
            "move_to": {"slug": elsewhere.slug},
            "plot": {"name": "money", "theme": "dark"},
            "goal": {"goal": a_goal(seat).public_id},
            "look": {"week": 4},
            "picture": {"name": "goals", "theme": "dark"},
            "erased": {"what": "diary"},
            "programme": {"programme": cohort.programme.slug},
            "version": {"version": editions.start_draft(programme=cohort.programme).version},
        },
    )


def a_practised_seat(member: User, now: dt.datetime) -> Enrollment:
    """In a group that began two weeks ago: there is something to practise."""
    began = now - dt.timedelta(weeks=2)
    cohort = a_cohort(starts_at=began)
    return a_confirmed_seat(cohort=cohort, member=member, now=began - HOUR)


def a_shared_practice(seat: Enrollment, to: User, now: dt.datetime) -> tuple[Share, Proposal]:
    """All of it, with somebody and with whoever leads; and a suggestion that waits."""
    for_leaders.choose(enrollment=seat, parts=["practised", "plan", "goals"], now=now)
    share = a_share(seat, to=to, now=now)
    proposal = Proposal.objects.create(
        share=share,
        week=1,
        kind=Proposal.Kind.ACTIVITY,
        content=Words(text="Peel potatoes").dump(),
        made_at=now,
    )
    return share, proposal


def a_request(seat: Enrollment, now: dt.datetime) -> MemberRequest:
    return requests.ask(
        enrollment=seat, wish=MemberRequest.Wish.OTHER, words="", key=uuid.uuid4(), now=now
    )


def a_refund_run(cohort: Cohort, seat: Enrollment, now: dt.datetime) -> RefundRun:
    """A run of one person, which nobody carries out."""
    run = RefundRun.objects.create(
        cohort=cohort,
        ends_group=False,
        basis="full",
        frees_seat=False,
        state="running",
        needs_second=False,
        made_by=a_billing_admin(),
        made_at=now,
    )
    RunItem.objects.create(run=run, enrollment=seat, cents=100)
    return run


def a_paid_line(seat: Enrollment) -> int:
    """A payment that stands in the ledger; its key."""
    payment = Payment.objects.create(
        enrollment=seat, amount_cents=29_900, currency="usd", paid_at=NOW
    )
    ledger.post_charge(payment=payment, at=NOW)
    return payment.pk


def an_outside_refund_of(seat: Enrollment, now: dt.datetime) -> Refund:
    attempt = CheckoutAttempt.objects.create(
        enrollment=seat,
        status=CheckoutAttempt.Status.REVIEW,
        amount_cents=seat.price_cents,
        currency="usd",
        params={},
        created_at=now,
        expires_at=now,
    )
    payment = Payment.objects.create(
        attempt=attempt,
        enrollment=seat,
        amount_cents=seat.price_cents,
        currency="usd",
        paid_at=now,
    )
    return refunds.request_refund(
        payment_id=payment.pk, amount_cents=1, reason=Refund.Reason.OUTSIDE, now=now
    )


def a_dispute(seat: Enrollment, now: dt.datetime) -> Dispute:
    payment = Payment.objects.create(
        enrollment=seat,
        amount_cents=29_900,
        currency="usd",
        stripe_payment_intent_id=f"pi_of_{seat.pk}",
        paid_at=now,
    )
    return Dispute.objects.create(
        stripe_dispute_id=f"dp_{seat.pk}",
        payment=payment,
        amount_cents=29_900,
        currency="usd",
        reason="general",
        status=Dispute.Status.OPEN,
        opened_at=now,
        asked_at=now,
    )


def a_run(now: dt.datetime) -> Reconciliation:
    return Reconciliation.objects.create(
        starts_at=now - HOUR, ends_at=now, cursor=now - HOUR, started_at=now
    )


def a_difference(now: dt.datetime) -> Difference:
    return Difference.objects.create(
        key="not_there:pi_2",
        kind=Difference.Kind.NOT_THERE,
        about=Difference.About.PAYMENT,
        stripe_id="pi_2",
        currency="usd",
        ours_cents=29_900,
        first_seen_at=now,
        last_seen_at=now,
    )


def an_offer(now: dt.datetime) -> Enrollment:
    """A seat that came free for somebody who waited."""
    full = a_full_group(starts_at=FIRST_SESSION + 100 * HOUR)
    offer = a_place_in_line(cohort=full, now=now)
    season.change_capacity(cohort=full, capacity=2, now=now)
    return offer


def a_draft() -> Cohort:
    return a_cohort(draft=True, name="A plan")


def a_facilitator(**fields: Any) -> User:
    return a_member(role=Role.FACILITATOR, **fields)


def a_planner() -> User:
    return a_facilitator(may_plan=True)


def visits(seat: Enrollment, host: Cohort) -> None:
    week = absences.own_week(enrollment=seat, number=1, now=NOW)
    making_up.take_chair(week=week, session_id=session(host, 1).pk, now=NOW)


def come_in(client: Client, reader: str, world: World) -> None:
    """Signed in as this reader; whoever needs a second factor has shown it."""
    if reader in SECOND_FACTOR:
        sign_in_with_factor(client, world.people[reader])
    elif reader != "anonymous":
        client.force_login(world.people[reader])


def outcome(client: Client, path: str, address: Address) -> str:
    response = getattr(client, address.method)(path, dict(address.typed))
    if response.status_code in (301, 302):
        login = (reverse("account_login"), reverse("account_signup"))
        target = response["Location"]
        return "sign in" if target.startswith(login) and "next=" in target else "in"
    if response.status_code in (200, 405, 409, 422):
        return "in"
    return str(response.status_code)


@pytest.mark.parametrize("name", ADDRESSES)
def test_exactly_the_allowed_pairs_pass(name: str, world: World) -> None:
    address = ADDRESSES[name]
    kwargs = {k: v for part in address.kwargs for k, v in world.values[part].items()}
    path = reverse(name, kwargs=kwargs)
    found = {}
    for reader in READERS:
        client = Client()
        come_in(client, reader, world)
        found[reader] = outcome(client, path, address)
    refused = dict.fromkeys(EVERYBODY - address.allowed, "404") | {"anonymous": "sign in"}
    assert found == {
        reader: "in" if reader in address.allowed else refused[reader] for reader in READERS
    }


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_the_admin_is_for_admins(model: type[Model], world: World) -> None:
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    passed = set()
    for reader in READERS:
        client = Client()
        come_in(client, reader, world)
        if client.get(path).status_code == 200:
            passed.add(reader)
    assert passed == {"admin"}
