"""Every address of the site, for every kind of reader: exactly the allowed pairs pass.

A new address belongs into `ADDRESSES`; until it stands there a test fails. To whom a page does not
belong, it does not exist (404); who is not signed in is asked to.
"""

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
from enrollment import absences, group_messages, making_up
from enrollment.models import CalendarFeed, Enrollment
from sessions.models import Cohort, Substitution
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    session,
)

pytestmark = pytest.mark.django_db

READERS = (
    "anonymous",
    "member",
    "buyer",
    "visitor",
    "other member",
    "leader",
    "substitute",
    "planner",
    "other leader",
    "other planner",
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
ADMIN = frozenset({"admin"})


@dataclass(frozen=True, slots=True)
class Address:
    """Who may open it, what stands in it (by name in the `world`), and how it is asked."""

    allowed: frozenset[str]
    kwargs: tuple[str, ...] = ()
    method: str = "get"
    typed: tuple[tuple[str, str], ...] = ()


GROUP, WEEK, DRAFT = ("slug",), ("slug", "number"), ("draft",)
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
    "accounts:time_zone": Address(EVERYBODY),
    "accounts:prove_by_code": Address(SIGNED_IN),
    "accounts:profile": Address(SIGNED_IN),
    "billing:pay": Address(frozenset({"buyer"}), ("held",)),
    "billing:payments": Address(MEMBER, ("seat",)),
    "billing:return": Address(frozenset({"buyer"}), ("held",)),
    "enrollment:home": Address(EVERYBODY),
    "enrollment:cohort": Address(EVERYBODY, GROUP),
    "enrollment:about_you": Address(SIGNED_IN, GROUP),
    "enrollment:agreements": Address(SIGNED_IN, GROUP),
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
    feed = CalendarFeed.objects.create(person=seat.member, made_at=NOW)
    return World(
        people={
            "member": seat.member,
            "buyer": held.member,
            "visitor": visitor.member,
            "other member": a_confirmed_seat(cohort=cohort).member,
            "leader": leader,
            "substitute": substitute,
            "planner": planner,
            "other leader": a_facilitator(),
            "other planner": other_planner,
            "admin": a_member(role=Role.ADMIN),
        },
        values={
            "slug": {"slug": cohort.slug},
            "draft": {"slug": draft.slug},
            "number": {"number": 1},
            "seat": {"public_id": seat.public_id},
            "held": {"public_id": held.public_id},
            "message": {"public_id": message.public_id},
            "door": {"token": seat.door_token},
            "feed": {"token": feed.token},
            "uidb36": {"uidb36": "1"},
            "key": {"key": "x"},
        },
    )


def a_draft() -> Cohort:
    return a_cohort(draft=True, name="A plan")


def a_facilitator(**fields: Any) -> User:
    return a_member(role=Role.FACILITATOR, **fields)


def a_planner() -> User:
    return a_facilitator(may_plan=True)


def visits(seat: Enrollment, host: Cohort) -> None:
    week = absences.own_week(enrollment=seat, number=1, now=NOW)
    making_up.take_chair(week=week, session_id=session(host, 1).pk, now=NOW)


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
        if reader != "anonymous":
            client.force_login(world.people[reader])
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
        if reader != "anonymous":
            client.force_login(world.people[reader])
        if client.get(path).status_code == 200:
            passed.add(reader)
    assert passed == {"admin"}
