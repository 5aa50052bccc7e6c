"""Every staff page asks the database as often for 300 members and 100 groups as for few.

A new page under /lead/ or /plan/ belongs into `PAGES`, or `PRESSES` if it only takes a press;
until it stands there a test fails.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Role, User
from enrollment import group_messages
from enrollment.models import Enrollment, GroupMessage
from enrollment.states import Status
from sessions.models import Cohort
from tests.enrollment.builders import HOUR, MINUTE, NOW, a_cohort, a_member, session
from tests.enrollment.large import a_running_group, change_dates, fill

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

GROUP = {"slug": "running"}
DRAFT = {"slug": "draft"}
SESSION = {**GROUP, "number": 3}  # it is on
SENT: dict[str, Any] = {**GROUP, "public_id": uuid.UUID(int=1)}
SOMEBODY: dict[str, Any] = {**GROUP, "public_id": uuid.UUID(int=3)}
IN_LINE: dict[str, Any] = {**GROUP, "public_id": uuid.UUID(int=4)}
PLANNED: dict[str, Any] = {**GROUP, "public_id": uuid.UUID(int=2)}
# Each page by its URL's name, with what stands in its address: once, or for several groups.
PAGES: dict[str, tuple[dict[str, Any], ...]] = {
    "desk": ({},),
    "roster": (GROUP,),
    "waitlist": (GROUP,),
    "plan_waitlist": (GROUP, DRAFT),
    "waitlist_offer": (IN_LINE,),
    "waitlist_remove": (IN_LINE,),
    "roster_csv": (GROUP,),
    "change_dates": (GROUP,),
    "substitute": (GROUP,),
    "change_leaders": (GROUP,),
    "change_link": (GROUP,),
    "register": (SESSION, {**GROUP, "number": 1}),
    "arrivals": (SESSION,),
    "person": (SOMEBODY,),
    "person_in_session": ({**SOMEBODY, "number": 3},),
    "messages": (GROUP,),
    "message_new": (GROUP,),
    "message": (SENT, PLANNED),
    "message_cancel": (PLANNED,),
    "season": ({},),
    "plan_new": ({},),
    "plan": (GROUP, DRAFT),
    "plan_edit": (DRAFT,),
    "plan_copy": (GROUP, DRAFT),
    "plan_another": (GROUP, DRAFT),
}
FOR_ADMINS = {"change_leaders"}  # and everything under /plan/
# What answers a press only, with a redirect.
PRESSES = {"start", "plan_dates", "plan_publish", "plan_archive", "plan_capacity"}
# Pages of another room, measured there: tests/practice/test_for_leaders.py.
ELSEWHERE = {"leading", "leading_member"}
# Pages that are an answer to a form: what was typed.
ANSWERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "change_dates": (GROUP, {"number": 5, "kind": "cancel", "version": 0}),
    "change_link": (GROUP, {"number": 0, "url": "https://meet.example/room", "version": 0}),
    "plan_capacity": (GROUP, {"capacity": 0}),
}


def staff_pages() -> Iterator[str]:
    """The names of all URLs under /lead/ and /plan/."""

    def walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
        for one in patterns:
            route = before + str(one.pattern).removeprefix("^")
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, route)
            elif route.startswith(("lead/", "plan/")):
                assert one.name, f"{route} has no name"
                yield one.name

    return walk(get_resolver().url_patterns, "")


def test_every_staff_page_is_measured_here() -> None:
    assert set(staff_pages()) == PAGES.keys() | PRESSES | ELSEWHERE


@pytest.fixture
def leader() -> User:
    return a_member(role=Role.FACILITATOR, display_name="Dana Reyes")


@pytest.fixture
def running(leader: User, clock: Any) -> Cohort:
    """Three members, in their third session; and a draft of the same leader."""
    group = a_running_group(leader, slug="running")
    change_dates(group, actor=leader, times=1)
    a_cohort(slug="draft", draft=True).facilitators.set([leader])
    group.enrollments.filter(pk=group.enrollments.earliest("pk").pk).update(
        public_id=SOMEBODY["public_id"]
    )
    wait(group, 1)
    group.enrollments.filter(status=Status.WAITLISTED).update(public_id=IN_LINE["public_id"])
    now = session(group, 3).starts_at + 5 * MINUTE
    clock.move_to(now)
    write(group, leader, now, SENT["public_id"])
    write(group, leader, now, PLANNED["public_id"], send_at=now + HOUR)
    return group


def write(
    group: Cohort,
    author: User,
    now: dt.datetime,
    key: uuid.UUID,
    send_at: dt.datetime | None = None,
) -> None:
    draft = group_messages.Draft(body="Bring a pen.", to=None, send_at=send_at)
    group_messages.write(key=key, cohort=group, author=author, draft=draft, now=now)


def wait(group: Cohort, people: int) -> None:
    """In a group that may be under way, as if nobody had ended their waiting yet."""
    Enrollment.objects.bulk_create(
        Enrollment(
            cohort=group,
            member=a_member(),
            status=Status.WAITLISTED,
            price_cents=group.price_cents,
            reserved_at=NOW,
            waiting_since=NOW,
        )
        for _ in range(people)
    )


def write_more(group: Cohort, author: User, now: dt.datetime) -> None:
    """Thirty messages, and what was sent before to those who joined since."""
    for number in range(30):
        write(group, author, now, uuid.UUID(int=100 + number))
    sent = GroupMessage.objects.get(public_id=SENT["public_id"])
    GroupMessage.objects.filter(pk=sent.pk).update(promised_at=None)
    group_messages.promise(message=sent, now=now)


def counted(*readers: User) -> dict[str, int]:
    """How many queries each page takes for each reader, once it has been seen."""
    asked: list[tuple[str, dict[str, Any], dict[str, Any] | None]]
    asked = [(name, kwargs, None) for name in PAGES for kwargs in PAGES[name]]
    asked += [(name, kwargs, typed) for name, (kwargs, typed) in ANSWERS.items()]
    found: dict[str, int] = {}
    for reader in readers:
        client = Client()
        client.force_login(reader)
        for name, kwargs, typed in asked:
            path = reverse(f"enrollment:{name}", kwargs=kwargs)
            leads = path.startswith("/lead/") and name not in FOR_ADMINS
            if reader.role == Role.ADMIN or leads:
                found[f"{reader.role}: {path} {typed or ''}"] = queries(client, path, typed)
    return found


def queries(client: Client, path: str, typed: dict[str, Any] | None = None) -> int:
    def ask() -> int:
        answer = client.get(path) if typed is None else client.post(path, typed)
        return answer.status_code

    assert ask() in (200, 422), path
    with CaptureQueriesContext(connection) as captured:
        ask()
    return len(captured)


@pytest.mark.parametrize(
    ("in_the_group", "groups", "in_each"),
    [(297, 0, 0), (0, 99, 3), (7, 29, 10)],
    ids=["300 members of one group", "100 groups", "300 members of 30 groups"],
)
def test_a_staff_page_takes_as_many_queries_for_many_as_for_few(
    in_the_group: int, groups: int, in_each: int, running: Cohort, leader: User
) -> None:
    admin = a_member(role=Role.ADMIN, display_name="Robin")
    few = counted(leader, admin)
    held = list(running.group_sessions.order_by("number")[:2])
    fill(running, members=in_the_group, held=held)
    change_dates(running, actor=admin, times=30)
    wait(running, 20)
    write_more(running, leader, session(running, 3).starts_at + 6 * MINUTE)
    for number in range(1, groups + 1):
        a_running_group(leader, hours=number, members=in_each)
    assert counted(leader, admin) == few


def test_what_only_takes_a_press_is_no_page(running: Cohort, client: Client) -> None:
    client.force_login(a_member(role=Role.ADMIN))
    for name in PRESSES:
        kwargs = SESSION if name == "start" else DRAFT
        assert client.get(reverse(f"enrollment:{name}", kwargs=kwargs)).status_code == 405
