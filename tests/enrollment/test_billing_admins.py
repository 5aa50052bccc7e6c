"""A billing admin has nothing to do with groups, also where somebody has named them."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from enrollment import feed, portal, roster
from sessions.leading import who_may_lead
from sessions.models import Cohort
from tests.enrollment.builders import NOW, a_led_group, a_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def kim() -> User:
    return a_member(role=Role.BILLING, display_name="Kim Ledger")


@pytest.fixture
def named(kim: User) -> Cohort:
    """A group whose leader they were, before they got this role."""
    return a_led_group(kim)


def test_they_are_offered_neither_as_leader_nor_as_substitute(kim: User) -> None:
    leads = {role: a_member(role=role) for role in Role}
    assert set(who_may_lead()) == {leads[Role.FACILITATOR], leads[Role.ADMIN]}


def test_they_see_no_group_from_within(kim: User, named: Cohort) -> None:
    assert not roster.cohorts_of(kim).exists()
    assert not roster.sessions_of(kim, NOW).exists()
    assert portal.led_groups(leader=kim, now=NOW) == []
    assert b"lead-" not in feed.feed_ics(person=kim, now=NOW)
    assert (kim.leads, kim.plans, kim.handles_money, kim.is_staff) == (False, False, True, False)


@pytest.mark.parametrize("name", ["desk", "season"])
def test_the_desk_and_the_season_do_not_exist_for_them(
    client: Client, kim: User, named: Cohort, name: str
) -> None:
    client.force_login(kim)
    assert client.get(reverse(f"enrollment:{name}")).status_code == 404
    page = client.get(reverse("enrollment:my_groups")).text
    assert reverse("enrollment:desk") not in page
    assert reverse("enrollment:season") not in page
