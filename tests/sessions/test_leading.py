"""Who leads which session, and what that books."""

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from sessions import bookings, leading
from sessions.leading import Team
from sessions.models import Booking, Cohort, GroupSession, Substitution
from sessions.services import schedule_sessions
from tests.accounts.people import make_person
from tests.sessions.factories import make_cohort

pytestmark = pytest.mark.django_db


def a_person(name: str) -> User:
    return make_person(f"{name.lower()}@example.org", role=Role.FACILITATOR, display_name=name)


@pytest.fixture
def people() -> tuple[User, User, User]:
    return a_person("Dana"), a_person("Luis"), a_person("Mei")


def a_group(slug: str, *leaders: User) -> Cohort:
    cohort = make_cohort(slug=slug, name=f"Group {slug}")
    cohort.facilitators.set(leaders)
    schedule_sessions(cohort=cohort)
    return cohort


def week(cohort: Cohort, number: int) -> GroupSession:
    return cohort.group_sessions.get(number=number)


def stands_in(cohort: Cohort, number: int, absent: User, substitute: User) -> Substitution:
    return Substitution.objects.create(
        session=week(cohort, number), absent=absent, substitute=substitute
    )


def booked_in(cohort: Cohort, number: int) -> set[str]:
    rows = Booking.objects.filter(session=week(cohort, number), leader__isnull=False)
    return set(rows.values_list("leader__display_name", flat=True))


def test_the_absent_do_not_lead_and_their_substitutes_do(people: tuple[User, User, User]) -> None:
    dana, luis, mei = people
    cohort = a_group("a", dana, luis)
    stands_in(cohort, 7, dana, mei)
    team = leading.team(cohort)
    assert team.of(week(cohort, 6)) == (dana, luis)
    assert team.of(week(cohort, 7)) == (luis, mei)
    assert team.ids_of(week(cohort, 7)) == {luis.pk, mei.pk}
    found = team.substitution(week(cohort, 7), dana.pk)
    assert found is not None
    assert found.substitute == mei
    assert team.substitution(week(cohort, 7), luis.pk) is None


def test_who_stands_in_and_joins_later_leads_once(people: tuple[User, User, User]) -> None:
    dana, luis, mei = people
    cohort = a_group("a", dana, mei)
    stands_in(cohort, 7, dana, mei)
    assert leading.team(cohort).of(week(cohort, 7)) == (mei,)
    assert Team().of(week(cohort, 7)) == ()
    assert luis not in leading.team(cohort).of(week(cohort, 7))


def test_what_somebody_leads_is_what_the_team_says(people: tuple[User, User, User]) -> None:
    dana, luis, mei = people
    cohort, other = a_group("a", dana, luis), a_group("b", mei)
    stands_in(cohort, 7, dana, mei)
    stands_in(cohort, 8, luis, mei)
    everything = [*cohort.group_sessions.all(), *other.group_sessions.all()]
    for person in people:
        said = {one.pk for one in everything if person in leading.team(one.cohort).of(one)}
        found = list(leading.led_by(person).values_list("pk", flat=True))
        assert (set(found), len(found)) == (said, len(said))
    assert leading.led_by(mei).count() == 14


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "Dana"), (2, "Dana and Luis"), (3, "Dana and Luis and Mei")],
)
def test_names_are_written_as_people_say_them(
    count: int, words: str, people: tuple[User, User, User]
) -> None:
    assert leading.names(people[:count]) == words


def test_an_address_is_nobodys_name() -> None:
    assert leading.names([User(email="x@example.org")]) == "a colleague"


def test_teams_of_many_groups_take_two_queries(people: tuple[User, User, User]) -> None:
    dana, luis, mei = people
    counts = []
    for size in (1, 4):
        cohorts = [a_group(f"{size}-{number}", dana, luis) for number in range(size)]
        for cohort in cohorts:
            stands_in(cohort, 7, dana, mei)
        with CaptureQueriesContext(connection) as captured:
            teams = leading.teams([cohort.pk for cohort in cohorts])
        assert {
            team.of(week(cohort, 7)) for cohort, team in zip(cohorts, teams.values(), strict=True)
        }
        counts.append(len(captured))
    assert counts == [2, 2]


# --- What the database refuses ------------------------------------------------------------


def test_one_substitute_for_each_and_nobody_for_two_or_for_themselves(
    people: tuple[User, User, User],
) -> None:
    dana, luis, mei = people
    cohort = a_group("a", dana, luis)
    stands_in(cohort, 7, dana, mei)
    for absent, substitute, name in (
        (dana, luis, "one_substitute_for_each_absent_leader"),
        (luis, mei, "nobody_stands_in_for_two_at_once"),
        (luis, luis, "nobody_stands_in_for_themselves"),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            stands_in(cohort, 7, absent, substitute)


# --- What it books ------------------------------------------------------------------------


def test_a_substitute_is_booked_and_who_is_away_is_free(people: tuple[User, User, User]) -> None:
    dana, luis, mei = people
    cohort = a_group("a", dana, luis)
    stands_in(cohort, 7, dana, mei)
    bookings.book(cohort=cohort)
    assert booked_in(cohort, 6) == {"Dana", "Luis"}
    assert booked_in(cohort, 7) == {"Luis", "Mei"}


def test_who_is_away_may_lead_elsewhere_then_and_at_no_other_time(
    people: tuple[User, User, User],
) -> None:
    dana, _, mei = people
    cohort, other = a_group("a", dana), a_group("b", mei)
    other.group_sessions.exclude(number=7).delete()
    stands_in(cohort, 7, dana, mei)
    stands_in(other, 7, mei, dana)
    bookings.book(cohort=cohort)
    bookings.book(cohort=other)
    assert (booked_in(cohort, 7), booked_in(other, 7)) == ({"Mei"}, {"Dana"})


def test_a_substitute_who_is_busy_is_refused_by_name(people: tuple[User, User, User]) -> None:
    dana, _, mei = people
    cohort, other = a_group("a", dana), a_group("b", mei)
    bookings.book(cohort=other)
    stands_in(cohort, 7, dana, mei)
    reason = (
        "Mei leads “Group b” on Tuesday, November 17, 6:00 PM Eastern, and cannot lead two "
        "sessions at once."
    )
    wanted = bookings.slots(cohort, leading.team(cohort))
    assert bookings.in_the_way(cohort=cohort, wanted=wanted) == [reason]
    with pytest.raises(bookings.Conflict) as refused:
        bookings.book(cohort=cohort)
    assert refused.value.reasons == [reason]


def test_what_is_over_is_in_nobodys_way(people: tuple[User, User, User]) -> None:
    dana, _, mei = people
    cohort, other = a_group("a", dana), a_group("b", mei)
    bookings.book(cohort=other)
    stands_in(cohort, 7, dana, mei)
    wanted = bookings.slots(cohort, leading.team(cohort))
    after = week(cohort, 7).ends_at + dt.timedelta(minutes=1)
    assert bookings.in_the_way(cohort=cohort, wanted=wanted, since=after) == []
    assert bookings.in_the_way(cohort=cohort, wanted=[]) == []
