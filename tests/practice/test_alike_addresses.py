"""An address that only looks like another's is somebody else's. The database's capitals make one
letter of two: a dotless i becomes an I, a long s an S."""

import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from enrollment.models import Enrollment
from practice import sharing
from practice.sharing import Refused
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import a_practitioner, a_share

pytestmark = pytest.mark.django_db

REAL = "sam@clinic.example"
ALIKE = ["sam@cl\u0131nic.example", "\u017fam@clinic.example"]


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


@pytest.mark.parametrize("alike", ALIKE)
def test_who_confirmed_a_look_alike_gets_nothing(seat: Enrollment, alike: str) -> None:
    thief = a_practitioner(alike)
    person = a_share(seat, email=REAL).practitioner
    assert (person.email, person == thief) == (REAL, False)
    assert not EmailAddress.objects.get(user=person).verified
    assert not User.objects.get(pk=thief.pk).shared_with_me.exists()


@pytest.mark.parametrize("alike", ALIKE)
@pytest.mark.parametrize("first", ["thief", "owner"])
def test_beside_a_look_alike_its_owner_gets_it(seat: Enrollment, alike: str, first: str) -> None:
    order = [alike, REAL] if first == "thief" else [REAL, alike]
    people = {email: a_practitioner(email) for email in order}
    assert a_share(seat, email=REAL).practitioner == people[REAL]
    assert a_share(seat, email=alike).practitioner == people[alike]


def test_a_look_alike_of_ones_own_address_is_not_ones_own(seat: Enrollment) -> None:
    EmailAddress.objects.create(user=seat.member, email=REAL, verified=True)
    for typed, said in ((REAL, sharing.YOURSELF), (REAL.upper(), sharing.YOURSELF), (ALIKE[0], "")):
        assert sharing.refusal(enrollment=seat, email=typed, now=IN_WEEK_2) == said


@pytest.mark.parametrize("typed", ["SAM@KLINIC.example", "sam@\u212alinic.example"])
def test_what_is_the_same_in_lower_case_is_the_same_address(seat: Enrollment, typed: str) -> None:
    """As everywhere: the kelvin sign is stored as a k, and mails to it go to the k."""
    owner = a_practitioner("sam@klinic.example")
    assert a_share(seat, email=typed).practitioner == owner


def test_somebody_under_another_address_is_called_this_person(seat: Enrollment) -> None:
    person = a_practitioner(REAL)
    EmailAddress.objects.create(user=person, email="another@home.example", verified=True)
    a_share(seat, email=REAL)
    with pytest.raises(Refused, match=r"^You share with this person already\."):
        a_share(seat, email="another@home.example")
