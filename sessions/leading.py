"""Who leads which session: the cohort's facilitators without those who are away that day, and
whoever stands in for them. The rule is here and nowhere else."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from accounts.models import LEADING, User
from sessions.models import Cohort, GroupSession, Substitution


@dataclass(frozen=True, slots=True)
class Team:
    """A cohort's facilitators, and who stands in for whom in single sessions, by their ids."""

    facilitators: tuple[User, ...] = ()
    substitutions: Mapping[int, tuple[Substitution, ...]] = field(default_factory=dict)

    @property
    def ids(self) -> list[int]:
        """The facilitators', in order."""
        return sorted(person.pk for person in self.facilitators)

    def of(self, session: GroupSession) -> tuple[User, ...]:
        """The people who lead this session, each once."""
        there = self.substitutions.get(session.pk, ())
        away = {one.absent_id for one in there}
        leaders = [person for person in self.facilitators if person.pk not in away]
        leaders += [one.substitute for one in there if one.substitute not in leaders]
        return tuple(leaders)

    def ids_of(self, session: GroupSession) -> frozenset[int]:
        return frozenset(person.pk for person in self.of(session))

    def substitution(self, session: GroupSession, absent: int) -> Substitution | None:
        """Who stands in for that person in this session, if anybody does."""
        there = self.substitutions.get(session.pk, ())
        return next((one for one in there if one.absent_id == absent), None)


NOBODY = Team()


def team(cohort: Cohort) -> Team:
    """The cohort's. Two queries."""
    return teams([cohort.pk]).get(cohort.pk, Team())


def teams(cohorts: Collection[int]) -> dict[int, Team]:
    """Each cohort's, by its id; none where nobody leads it. Two queries, however many."""
    facilitators: dict[int, list[User]] = defaultdict(list)
    members = Cohort.facilitators.through.objects.filter(cohort__in=cohorts)
    for row in members.select_related("user").order_by("user__display_name", "user"):
        facilitators[row.cohort_id].append(row.user)
    found: dict[int, dict[int, list[Substitution]]] = defaultdict(lambda: defaultdict(list))
    rows = Substitution.objects.filter(session__cohort__in=cohorts)
    for one in rows.select_related("absent", "substitute", "session").order_by("pk"):
        found[one.session.cohort_id][one.session_id].append(one)
    return {
        cohort: Team(
            tuple(facilitators[cohort]),
            {session: tuple(there) for session, there in found[cohort].items()},
        )
        for cohort in facilitators.keys() | found.keys()
    }


def led_by(person: User) -> "QuerySet[GroupSession]":
    """The sessions of which `Team.of` names this person."""
    away = Substitution.objects.filter(absent=person).values("session")
    stands_in = Substitution.objects.filter(substitute=person).values("session")
    own = Q(cohort__in=person.cohorts_led.all()) & ~Q(pk__in=away)
    return GroupSession.objects.filter(own | Q(pk__in=stands_in))


def leads(person: User, session: GroupSession) -> bool:
    """Whether somebody leads the group, also when they are away that day, or this session in
    somebody's place. An admin does not by being one. One query."""
    own = Q(cohort__in=person.cohorts_led.all())
    stands_in = Q(pk__in=person.substitutions.values("session"))
    return person.leads and GroupSession.objects.filter(own | stands_in, pk=session.pk).exists()


def who_may_lead() -> "QuerySet[User]":
    """Everybody who could lead a group, by name. Their licences are not known here."""
    staff = User.objects.filter(is_active=True, role__in=LEADING)
    return staff.order_by("display_name", "pk")


def names(people: Iterable[User]) -> str:
    """As in "Dana and Luis", for members and colleagues: an address is nobody's name.

    No commas: names may have their own, "Dana Reyes, LCSW".
    """
    return " and ".join(person.display_name or "a colleague" for person in people)
