"""What whoever leads a session sees of its members' practice: one of two phrases, and what a member
shares besides, by a press that they see."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Action, AuditEntry, Role, User
from enrollment import services
from enrollment.models import Enrollment
from practice import erasing, for_leaders
from practice.erasing import What
from practice.models import DiaryEntry, GoalRating, SharedWithLeader
from sessions.models import GroupSession, Substitution
from tests.enrollment.builders import (
    FIRST_SESSION,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_member,
    session,
)
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import a_card, a_goal, a_plan, a_share, let_in, looks

pytestmark = pytest.mark.django_db

WEEK = dt.timedelta(weeks=1)
IN_THE_WEEK = dt.date(2026, 10, 14)
READ = Action.PRACTICE_READ


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


@pytest.fixture
def leader(seat: Enrollment) -> User:
    person = a_member(role=Role.FACILITATOR, display_name="Dana Reyes")
    seat.cohort.facilitators.add(person)
    return person


def path(seat: Enrollment, number: int = 3, *, one: bool = False) -> str:
    where = [seat.cohort.slug, number]
    if one:
        return reverse("practice:leading_member", args=[*where, seat.public_id])
    return reverse("practice:leading", args=where)


def listed(client: Client, seat: Enrollment, number: int = 3) -> str:
    answer = client.get(path(seat, number))
    assert answer.status_code == 200
    return str(answer.content.decode())


PRACTISED, NOTHING = "</strong>: Practiced this week", "</strong>: Nothing noted"


# --- The two phrases --------------------------------------------------------------------


def test_without_a_word_nothing_is_noted(clock: Any, seat: Enrollment, leader: User) -> None:
    words = listed(let_in(leader), seat)
    assert f"Robin{NOTHING}" in words
    assert PRACTISED not in words


@pytest.mark.parametrize(
    ("content", "found"),
    [({}, True), ({"skills": []}, False), ({"skills": [], "note": "Slept badly"}, False)],
)
def test_a_card_with_a_skill_is_practice(
    clock: Any, seat: Enrollment, leader: User, content: dict[str, Any], found: bool
) -> None:
    a_card(seat, IN_THE_WEEK, **content)
    words = listed(let_in(leader), seat)
    assert (PRACTISED in words, NOTHING in words) == (found, not found)
    for hidden in ("STOP", "Slept", "secret"):
        assert hidden not in words


@pytest.mark.parametrize(
    ("outcome", "found"), [("done", True), ("partly", True), ("not", False), ("", False)]
)
def test_a_plan_that_went_at_least_partly_is_practice(
    clock: Any, seat: Enrollment, leader: User, outcome: str, found: bool
) -> None:
    a_plan(seat, outcome=outcome)
    words = listed(let_in(leader), seat)
    assert (PRACTISED in words) is found
    assert "Open the post" not in words


def test_another_week_does_not_count(clock: Any, seat: Enrollment, leader: User) -> None:
    a_card(seat, dt.date(2026, 10, 12))
    a_plan(seat, week=1, outcome="done")
    assert PRACTISED not in listed(let_in(leader), seat)


def test_each_member_has_the_week_of_their_own_calendar(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    far = a_confirmed_seat(
        cohort=seat.cohort, member=a_member(time_zone="Asia/Tokyo", display_name="Kei")
    )
    # In Tokyo the second session was on Wednesday, so Tuesday still belonged to the first week.
    for one in (seat, far):
        a_card(one, dt.date(2026, 10, 13))
    words = listed(let_in(leader), seat)
    assert f"Robin{PRACTISED}" in words
    assert f"Kei{NOTHING}" in words


@pytest.mark.parametrize(
    ("session_day", "hours", "found"),
    [(2, -1, False), (2, 1, True), (3, -1, True)],
)
def test_a_card_of_the_day_of_a_session_is_of_the_week_that_it_was_saved_in(
    clock: Any, seat: Enrollment, leader: User, session_day: int, hours: int, found: bool
) -> None:
    starts_at = session(seat.cohort, session_day).starts_at
    card = a_card(seat, dt.date(2026, 10, 6) + (session_day - 1) * WEEK)
    DiaryEntry.objects.filter(pk=card.pk).update(saved_at=starts_at + dt.timedelta(hours=hours))
    clock.move_to(session(seat.cohort, 3).starts_at - dt.timedelta(minutes=20))
    assert (PRACTISED in listed(let_in(leader), seat)) is found


def test_during_the_session_the_week_before_it_still_counts(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    a_card(seat, IN_THE_WEEK)
    clock.move_to(FIRST_SESSION + 2 * WEEK + dt.timedelta(minutes=20))
    assert PRACTISED in listed(let_in(leader), seat)


def test_only_the_session_that_comes_next_or_runs_shows_anything(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    a_card(seat, IN_THE_WEEK)
    for_leaders.choose(enrollment=seat, parts=["practised", "plan"], now=IN_WEEK_2)
    client = let_in(leader)
    for number in (1, 2, 4, 12):
        words = listed(client, seat, number)
        assert "Robin" not in words
        assert client.get(path(seat, number, one=True)).status_code == 404
    assert looks(READ, seat.pk) == 0
    GroupSession.objects.filter(cohort=seat.cohort, number=3).update(cancelled_at=IN_WEEK_2)
    assert "Robin" not in listed(client, seat, 3)
    assert "Robin" in listed(client, seat, 4)


# --- What a member chose ----------------------------------------------------------------


def test_nothing_at_all_reads_as_for_somebody_who_wrote_nothing(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    client = let_in(leader)
    nobody = listed(client, seat)
    a_card(seat, IN_THE_WEEK)
    for_leaders.choose(enrollment=seat, parts=[], now=IN_WEEK_2)
    assert body(listed(client, seat)) == body(nobody)
    assert client.get(path(seat, one=True)).status_code == 404


def body(words: str) -> str:
    return words.split("<main")[1].split("</main>")[0]


@pytest.mark.parametrize("what", [What.SHARING, None])
@pytest.mark.parametrize("parts", [None, [], ["practised"], ["plan"]])
def test_after_erasing_what_is_shared_whoever_leads_sees_nothing(
    clock: Any, seat: Enrollment, leader: User, parts: list[str] | None, what: What | None
) -> None:
    a_share(seat)
    if parts is not None:
        for_leaders.choose(enrollment=seat, parts=parts, now=IN_WEEK_2)
    seen = erasing.fingerprint(erasing.counts(member=seat.member))
    erasing.erase(member=seat.member, what=what, seen=seen, now=IN_WEEK_2, ip="")
    a_card(seat, IN_THE_WEEK)
    client = let_in(leader)
    words = listed(client, seat)
    assert (PRACTISED in words, NOTHING in words) == (False, True)
    assert client.get(path(seat, one=True)).status_code == 404
    assert "They see nothing." in own_page(seat, "sharing")
    assert erasing.counts(member=seat.member)[What.SHARING] == 0
    # Until they choose anew.
    for_leaders.choose(enrollment=seat, parts=["practised"], now=IN_WEEK_2)
    assert PRACTISED in listed(client, seat)


def own_page(seat: Enrollment, name: str) -> str:
    client = Client()
    client.force_login(seat.member)
    here = reverse(f"practice:{name}", args=[seat.public_id])
    return str(client.get(here).content.decode())


def test_who_shared_nothing_and_erases_the_rest_is_led_as_before(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    a_card(seat, IN_THE_WEEK)
    seen = erasing.fingerprint(erasing.counts(member=seat.member))
    erasing.erase(member=seat.member, what=None, seen=seen, now=IN_WEEK_2, ip="")
    assert not SharedWithLeader.objects.exists()


@pytest.mark.parametrize(
    ("chosen", "sees"),
    [
        ([], True),
        ([[]], False),
        ([["plan"]], False),
        ([["practised", "plan"]], True),
        ([[], ["practised"]], True),
        ([["practised"], []], False),
    ],
)
def test_what_was_left_out_last_does_not_come_back_in_the_next_group(
    clock: Any, seat: Enrollment, leader: User, chosen: list[list[str]], sees: bool
) -> None:
    for at, parts in enumerate(chosen):  # each in a group of its own
        before = a_confirmed_seat(cohort=a_cohort(), member=seat.member)
        for_leaders.choose(enrollment=before, parts=parts, now=NOW + at * WEEK)
    a_card(seat, IN_THE_WEEK)
    client = let_in(leader)
    words = listed(client, seat)
    assert (PRACTISED in words, NOTHING in words) == (sees, not sees)
    assert path(seat, one=True) not in words
    assert client.get(path(seat, one=True)).status_code == 404
    assert ("sees nothing of it" in own_page(seat, "hub")) is not sees
    assert ("They see nothing." in own_page(seat, "sharing")) is not sees
    assert ("checked" in own_page(seat, "share_leader")) is sees
    # What is chosen here counts here.
    for_leaders.choose(enrollment=seat, parts=[] if sees else ["practised"], now=NOW)
    assert (PRACTISED in listed(client, seat)) is not sees


@pytest.mark.parametrize("parts", [["plan"], ["goals"], ["practised", "plan", "goals"]])
def test_what_is_shared_opens_by_a_press_that_the_member_sees(
    clock: Any, seat: Enrollment, leader: User, parts: list[str]
) -> None:
    a_plan(seat, outcome="partly", outcome_words="It felt odd")
    a_plan(seat, week=1, activity="Of the week before")
    GoalRating.objects.create(
        goal=a_goal(seat), week=1, content={"level": 1, "note": "Hard"}, rated_at=IN_WEEK_2
    )
    for_leaders.choose(enrollment=seat, parts=parts, now=IN_WEEK_2)
    client = let_in(leader)
    assert path(seat, one=True) in listed(client, seat)
    assert looks(READ, seat.pk) == 0
    words = client.get(path(seat, one=True)).content.decode()
    assert ("Open the post" in words) is ("plan" in parts)
    assert ("Cook at home" in words) is ("goals" in parts)
    assert ("+1, a little more than expected" in words) is ("goals" in parts)
    for hidden in ("Of the week before", "Hard", "It felt odd"):
        assert hidden not in words
    client.get(path(seat, one=True))
    assert looks(READ, seat.pk) == 1
    member = Client()
    member.force_login(seat.member)
    log = member.get(reverse("practice:sharing", args=[seat.public_id])).content.decode()
    assert "Dana Reyes opened what you share with whoever leads your group on Wednesday" in log


def test_the_list_itself_is_one_line_of_the_audit_log_and_none_of_the_members(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    client = let_in(leader)
    for _ in range(2):
        listed(client, seat)
    [entry] = AuditEntry.objects.all()
    assert (entry.actor, entry.action) == (leader, READ)
    member = Client()
    member.force_login(seat.member)
    log = member.get(reverse("practice:sharing", args=[seat.public_id])).content.decode()
    assert "Nobody has opened anything" in log


@pytest.mark.parametrize("parts", [None, ["practised"]])
def test_by_default_nothing_more_opens(
    clock: Any, seat: Enrollment, leader: User, parts: list[str] | None
) -> None:
    a_plan(seat)
    if parts is not None:
        for_leaders.choose(enrollment=seat, parts=parts, now=IN_WEEK_2)
    client = let_in(leader)
    assert path(seat, one=True) not in listed(client, seat)
    assert client.get(path(seat, one=True)).status_code == 404
    assert looks(READ, seat.pk) == 0


def test_a_change_of_mind_counts_at_the_next_click(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    a_plan(seat)
    for_leaders.choose(enrollment=seat, parts=["plan"], now=IN_WEEK_2)
    client = let_in(leader)
    assert client.get(path(seat, one=True)).status_code == 200
    for_leaders.choose(enrollment=seat, parts=["practised"], now=IN_WEEK_2)
    assert client.get(path(seat, one=True)).status_code == 404


def test_whoever_leads_agrees_on_the_steps_that_they_read(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    goal, others = a_goal(seat), a_goal(a_practising_member())
    client, here = let_in(leader), path(seat, one=True)
    right = {"goal": str(goal.public_id), "seen": "1"}
    for_leaders.choose(enrollment=seat, parts=["plan"], now=IN_WEEK_2)
    assert client.post(here, right).status_code == 404
    for_leaders.choose(enrollment=seat, parts=["goals"], now=IN_WEEK_2)
    assert client.post(here, {**right, "goal": str(others.public_id)}).status_code == 404
    for typed in ({**right, "seen": "2"}, {**right, "seen": "x"}, {}):
        assert "changed meanwhile" in client.post(here, typed, follow=True).content.decode()
    goal.refresh_from_db()
    assert not goal.agreed_at
    client.post(here, right)
    goal.refresh_from_db()
    assert goal.agreed_by == leader
    assert goal.agreed_at == IN_WEEK_2


# --- Who --------------------------------------------------------------------------------


def readers(seat: Enrollment, leader: User) -> dict[str, User]:
    substitute = a_member(role=Role.FACILITATOR)
    Substitution.objects.create(
        session=session(seat.cohort, 3), absent=leader, substitute=substitute
    )
    elsewhere = a_member(role=Role.FACILITATOR)
    a_cohort().facilitators.add(elsewhere)
    practitioner = a_share(seat).practitioner
    admin_who_leads = a_member(role=Role.ADMIN)
    seat.cohort.facilitators.add(admin_who_leads)
    return {
        "leader": leader,
        "substitute": substitute,
        "admin who leads": admin_who_leads,
        "leader of another group": elsewhere,
        "planner": a_member(role=Role.FACILITATOR, may_plan=True),
        "billing": a_member(role=Role.BILLING),
        "admin": a_member(role=Role.ADMIN),
        "practitioner": practitioner,
        "themselves": seat.member,
        "other member": a_confirmed_seat(cohort=seat.cohort).member,
    }


def test_only_whoever_leads_this_session_opens_it(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    a_plan(seat)
    for_leaders.choose(enrollment=seat, parts=["plan"], now=IN_WEEK_2)
    found = {}
    for name, person in readers(seat, leader).items():
        client = let_in(person)
        codes = {client.get(path(seat, one=one)).status_code for one in (False, True)}
        [found[name]] = codes
    may = {"leader", "substitute", "admin who leads"}
    assert found == {name: 200 if name in may else 404 for name in found}


def test_a_substitute_sees_their_session_only(clock: Any, seat: Enrollment, leader: User) -> None:
    substitute = readers(seat, leader)["substitute"]
    clock.move_to(FIRST_SESSION + 2 * WEEK + dt.timedelta(hours=3))
    client = let_in(substitute)
    assert client.get(path(seat, 4)).status_code == 404
    assert "Robin" not in listed(client, seat, 3)  # it is over


def test_somebody_who_left_is_not_in_the_list(clock: Any, seat: Enrollment, leader: User) -> None:
    for_leaders.choose(enrollment=seat, parts=["plan"], now=IN_WEEK_2)
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=IN_WEEK_2)
    client = let_in(leader)
    assert "Robin" not in listed(client, seat)
    assert client.get(path(seat, one=True)).status_code == 404


def test_somebody_of_another_group_does_not_open_by_this_one(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    other = a_practising_member()
    for_leaders.choose(enrollment=other, parts=["plan"], now=IN_WEEK_2)
    here = reverse("practice:leading_member", args=[seat.cohort.slug, 3, other.public_id])
    assert let_in(leader).get(here).status_code == 404


def test_today_leads_to_it_beside_the_next_session(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    here = reverse("enrollment:desk")
    page = let_in(leader).get(here).content.decode()
    assert (page.count(path(seat)), path(seat, 4) in page) == (1, False)
    assert path(seat) not in let_in(a_member(role=Role.ADMIN)).get(here).content.decode()
    clock.move_to(
        FIRST_SESSION + dt.timedelta(days=14, minutes=30)
    )  # while it runs, the one after it is listed too
    page = let_in(leader).get(here).content.decode()
    assert "Week 4" in page
    assert (page.count(path(seat)), path(seat, 4) in page) == (1, False)


def test_the_register_leads_to_it_for_those_who_lead(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    here = reverse("enrollment:register", args=[seat.cohort.slug, 3])
    assert path(seat) in let_in(leader).get(here).content.decode()
    admin = let_in(a_member(role=Role.ADMIN)).get(here)
    assert admin.status_code == 200
    assert path(seat) not in admin.content.decode()


def test_the_list_asks_as_much_for_many_as_for_one(
    clock: Any, seat: Enrollment, leader: User
) -> None:
    client = let_in(leader)

    def queries() -> int:
        listed(client, seat)
        with CaptureQueriesContext(connection) as asked:
            listed(client, seat)
        return len(asked)

    a_card(seat, IN_THE_WEEK)
    few = queries()
    for _ in range(3):
        other = a_confirmed_seat(cohort=seat.cohort)
        a_card(other, IN_THE_WEEK)
        a_plan(other, outcome="done")
        for_leaders.choose(enrollment=other, parts=["plan"], now=IN_WEEK_2)
        elsewhere = a_confirmed_seat(cohort=a_cohort(), member=other.member)
        for_leaders.choose(enrollment=elsewhere, parts=[], now=IN_WEEK_2)
    assert queries() == few
    assert few <= 16
