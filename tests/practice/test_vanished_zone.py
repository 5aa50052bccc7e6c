"""A stored zone can vanish when the server's list changes; the pages go on in the usual one."""

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts import clock as clocks
from accounts.models import Role, User
from practice.own import own_practice
from tests.accounts.people import make_person, sign_in_with_factor
from tests.enrollment.builders import a_confirmed_seat, a_led_group, a_member
from tests.practice.builders import IN_WEEK_2
from tests.practice.sharing import a_choice, a_share

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_without_its_zone_a_practice_is_read_in_the_usual_one(
    clock: time_machine.Traveller,
) -> None:
    leader = make_person(role=Role.FACILITATOR)
    cohort = a_led_group(leader)
    seat = a_confirmed_seat(cohort=cohort, member=a_member(time_zone="Europe/Berlin"))
    User.objects.filter(pk=seat.member_id).update(time_zone="Mars/Olympus")
    seat.refresh_from_db()
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=IN_WEEK_2)
    assert practice.zone.key == clocks.DEFAULT_ZONE
    own, lead = Client(), Client()
    sign_in_with_factor(own, seat.member)
    sign_in_with_factor(lead, leader)
    here = [seat.public_id]
    assert own.get(reverse("enrollment:my_group", args=here)).status_code == 200
    for name in ("hub", "diary", "sharing", "share_new", "progress"):
        assert own.get(reverse(f"practice:{name}", args=here)).status_code == 200
    assert lead.get(reverse("practice:leading", args=[cohort.slug, 3])).status_code == 200
    share = a_share(seat)
    assert share.ends_at.astimezone(practice.zone).date() > a_choice().until
