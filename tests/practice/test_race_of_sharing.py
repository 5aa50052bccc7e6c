"""Somebody withdraws their consent at the moment when it is used: either it comes first and nothing
is read, written or taken over, or it waits. Each with the same act without its guard."""

import threading
import time
import uuid
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection, transaction

from accounts.models import Action, AuditEntry
from enrollment.models import Enrollment
from practice import for_leaders, proposals, shared, sharing
from practice.models import Part, Proposal, Share, SharedWithLeader, WeekPlan
from practice.own import own_practice
from practice.proposals import Words
from practice.sharing import Refused
from tests.enrollment.builders import a_member, session
from tests.enrollment.crowd import PATIENCE, at_once
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import a_choice, a_plan, a_proposal, a_share, a_signature

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS = 5


def somebody_waits() -> bool:
    """Whether somebody in this database waits for another's lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return bool(cursor.fetchone()[0])


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


# --- Reading ----------------------------------------------------------------------------


def withdrawn_while_somebody_reads(*, guarded: bool) -> list[str]:
    """The reader has been let in and has not read yet when the member withdraws. What happened,
    in its order."""
    seat = a_practising_member()
    a_plan(seat)
    share = a_share(seat)
    happened: list[str] = []
    let_in, done = threading.Event(), threading.Event()

    def ask() -> None:
        """What a reader does between being let in and the end of the page."""
        let_in.set()
        if guarded:
            assert wait_for(somebody_waits)  # the member's press waits for this page
        else:
            done.wait(timeout=PATIENCE)
        assert WeekPlan.objects.get().content["activity"] == "Open the post"
        happened.append("read")

    def read() -> None:
        who = {"public_id": share.public_id, "reader": share.practitioner, "now": IN_WEEK_2}
        if guarded:
            with shared.opened(part=Part.PLAN, **who):  # type: ignore[arg-type]
                ask()
        else:
            assert shared.standing(**who).shows(Part.PLAN, IN_WEEK_2)  # type: ignore[arg-type]
            ask()

    def change_of_mind() -> None:
        let_in.wait(timeout=PATIENCE)
        assert sharing.withdraw(share=share, now=IN_WEEK_2)
        happened.append("withdrawn")
        done.set()

    assert at_once([read, change_of_mind]) == [None, None]
    return happened


def test_a_withdrawal_waits_for_the_page_that_is_being_read() -> None:
    assert withdrawn_while_somebody_reads(guarded=True) == ["read", "withdrawn"]


def test_control_without_the_lock_something_is_read_after_the_withdrawal() -> None:
    assert withdrawn_while_somebody_reads(guarded=False) == ["withdrawn", "read"]


def test_a_read_that_waits_for_a_withdrawal_finds_nothing_and_leaves_no_entry() -> None:
    seat = a_practising_member()
    share = a_share(seat)
    held = threading.Event()

    def change_of_mind() -> bool:
        with transaction.atomic():
            assert sharing.withdraw(share=share, now=IN_WEEK_2)
            held.set()
            return wait_for(somebody_waits)

    def read() -> str:
        held.wait(timeout=PATIENCE)
        with shared.opened(
            public_id=share.public_id, reader=share.practitioner, part=Part.PLAN, now=IN_WEEK_2
        ):
            return "read"

    withdrew, found = at_once([change_of_mind, read])
    assert withdrew is True
    assert isinstance(found, Share.DoesNotExist)
    assert [entry.action for entry in AuditEntry.objects.all()] == [Action.SHARING_ENDED]


def test_many_looks_at_once_are_one() -> None:
    for _ in range(ROUNDS):
        share = a_share(a_practising_member(), email=f"{uuid.uuid4()}@clinic.example")

        def read(share: Share = share) -> bool:
            with shared.opened(
                public_id=share.public_id,
                reader=share.practitioner,
                part=Part.PLAN,
                now=IN_WEEK_2,
            ):
                return True

        assert at_once([read] * 4) == [True] * 4
        entries = AuditEntry.objects.filter(subject_id=str(share.public_id))
        assert [entry.action for entry in entries] == [Action.SHARED_PLAN_READ]


def test_whoever_leads_reads_nothing_after_the_member_changed_their_mind() -> None:
    seat = a_practising_member()
    leader = a_member(role="facilitator")
    seat.cohort.facilitators.add(leader)
    for_leaders.choose(enrollment=seat, parts=["plan"], now=IN_WEEK_2)
    third, held = session(seat.cohort, 3), threading.Event()

    def change_of_mind() -> bool:
        with transaction.atomic():
            for_leaders.choose(enrollment=seat, parts=[], now=IN_WEEK_2)
            held.set()
            return wait_for(somebody_waits)

    def read() -> str:
        held.wait(timeout=PATIENCE)
        with for_leaders.opened(
            session=third, public_id=seat.public_id, reader=leader, now=IN_WEEK_2
        ):
            return "read"

    changed, found = at_once([change_of_mind, read])
    assert changed is True
    assert isinstance(found, Enrollment.DoesNotExist)
    assert SharedWithLeader.objects.get().parts == []


# --- Writing ----------------------------------------------------------------------------


def test_nothing_is_written_by_a_consent_that_ends_at_that_moment() -> None:
    seat = a_practising_member()
    share = a_share(seat)
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=IN_WEEK_2)
    held = threading.Event()

    def change_of_mind() -> bool:
        with transaction.atomic():
            assert sharing.withdraw(share=share, now=IN_WEEK_2)
            held.set()
            return wait_for(somebody_waits)

    def write() -> Proposal:
        held.wait(timeout=PATIENCE)
        return proposals.propose(
            public_id=share.public_id,
            reader=share.practitioner,
            key=uuid.uuid4(),
            week=2,
            kind=Proposal.Kind.COMMENT,
            words=Words(text="Late"),
            practice=practice,
            now=IN_WEEK_2,
        )

    withdrew, found = at_once([change_of_mind, write])
    assert withdrew is True
    assert isinstance(found, Share.DoesNotExist)
    assert not Proposal.objects.exists()


# --- Taking over ------------------------------------------------------------------------


def accepted_while_it_is_withdrawn(*, guarded: bool) -> tuple[bool, int]:
    """The member withdraws on one device, and has not finished when they say yes on another.
    Whether the yes was refused, and the plan's revision."""
    seat = a_practising_member()
    a_plan(seat)
    share = a_share(seat)
    proposal = a_proposal(share)
    held, decided = threading.Event(), threading.Event()

    def change_of_mind() -> bool:
        with transaction.atomic():
            assert sharing.withdraw(share=share, now=IN_WEEK_2)
            held.set()
            return wait_for(somebody_waits) if guarded else decided.wait(timeout=PATIENCE)

    def say_yes() -> bool:
        held.wait(timeout=PATIENCE)
        try:
            if guarded:
                proposals.decide(
                    enrollment=seat,
                    public_id=proposal.public_id,
                    accept=True,
                    seen=1,
                    now=IN_WEEK_2,
                )
            else:
                without_the_lock(proposal, seat)
        except proposals.NotPossible:
            return True
        finally:
            decided.set()
        return False

    withdrew, refused = at_once([change_of_mind, say_yes])
    assert withdrew is True
    assert isinstance(refused, bool)
    return refused, WeekPlan.objects.get().revision


def without_the_lock(proposal: Proposal, seat: Enrollment) -> None:
    """Asks whether the consent stands, and changes the plan: what holding its row is there for."""
    if not Share.objects.get(pk=proposal.share_id).shows(Part.PLAN, IN_WEEK_2):
        raise proposals.NotPossible
    with transaction.atomic():
        proposals._take_over(proposal, seat, 1, IN_WEEK_2)


def test_a_yes_that_comes_during_a_withdrawal_changes_no_plan() -> None:
    assert accepted_while_it_is_withdrawn(guarded=True) == (True, 1)


def test_control_without_the_lock_the_plan_would_change() -> None:
    assert accepted_while_it_is_withdrawn(guarded=False) == (False, 2)


def test_a_withdrawal_against_a_yes_ends_in_one_order_or_the_other() -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        plan = a_plan(seat)
        share = a_share(seat, email=f"{uuid.uuid4()}@clinic.example")
        proposal = a_proposal(share)
        yes = partial(
            proposals.decide,
            enrollment=seat,
            public_id=proposal.public_id,
            accept=True,
            seen=1,
            now=IN_WEEK_2,
        )
        no_more = partial(sharing.withdraw, share=share, now=IN_WEEK_2)
        acts: list[Callable[[], object]] = [yes, no_more]
        decided, withdrew = at_once(acts)
        assert withdrew is True
        plan.refresh_from_db()
        proposal.refresh_from_db()
        if isinstance(decided, proposals.NotPossible):
            assert (plan.revision, proposal.state) == (1, "open")
        else:
            assert (plan.revision, proposal.state) == (2, "accepted")


def test_many_presses_of_yes_add_it_once() -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        plan = a_plan(seat)
        proposal = a_proposal(a_share(seat, email=f"{uuid.uuid4()}@clinic.example"))
        yes = partial(
            proposals.decide,
            enrollment=seat,
            public_id=proposal.public_id,
            accept=True,
            seen=1,
            now=IN_WEEK_2,
        )
        assert at_once([yes] * 4) == [proposal] * 4
        plan.refresh_from_db()
        assert (plan.revision, plan.content["task"]) == (2, "Sit on a stool")


# --- Taking back ------------------------------------------------------------------------


def answered_while_it_is_taken_back(*, guarded: bool) -> tuple[str, str, str]:
    """The practitioner has seen that it is not answered, and the member says yes. The proposal's
    state and words, and what the plan has."""
    seat = a_practising_member()
    plan = a_plan(seat)
    share = a_share(seat)
    proposal = a_proposal(share)
    looked, answered = threading.Event(), threading.Event()

    def say_yes() -> bool:
        if not guarded:
            looked.wait(timeout=PATIENCE)
        with transaction.atomic():
            proposals.decide(
                enrollment=seat, public_id=proposal.public_id, accept=True, seen=1, now=IN_WEEK_2
            )
            answered.set()
            return not guarded or wait_for(somebody_waits)

    def take_back() -> None:
        if guarded:
            answered.wait(timeout=PATIENCE)
            taking_back(proposal, share)()
        else:  # asks, and then writes: what holding the two rows is there for
            assert Proposal.objects.get().state == "open"
            looked.set()
            answered.wait(timeout=PATIENCE)
            Proposal.objects.update(state="taken_back", decided_at=IN_WEEK_2, content={})

    said, took = at_once([say_yes, take_back])
    assert said is True
    assert isinstance(took, proposals.NotPossible) is guarded
    plan.refresh_from_db()
    proposal.refresh_from_db()
    return proposal.state, proposal.content.get("text", ""), plan.content["task"]


def taking_back(proposal: Proposal, share: Share) -> Callable[[], None]:
    return partial(
        proposals.take_back,
        public_id=share.public_id,
        reader=share.practitioner,
        proposal=proposal.public_id,
        now=IN_WEEK_2,
    )


def test_what_is_being_answered_is_not_taken_back() -> None:
    stands = ("accepted", "Sit on a stool", "Sit on a stool")
    assert answered_while_it_is_taken_back(guarded=True) == stands


def test_control_without_the_lock_it_would_be_taken_back_and_in_the_plan() -> None:
    both = ("taken_back", "", "Sit on a stool")
    assert answered_while_it_is_taken_back(guarded=False) == both


def test_taking_back_against_a_yes_ends_in_one_order_or_the_other() -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        plan = a_plan(seat)
        share = a_share(seat, email=f"{uuid.uuid4()}@clinic.example")
        proposal = a_proposal(share)
        yes = partial(
            proposals.decide,
            enrollment=seat,
            public_id=proposal.public_id,
            accept=True,
            seen=1,
            now=IN_WEEK_2,
        )
        acts: list[Callable[[], object]] = [yes, taking_back(proposal, share)]
        results = at_once(acts)
        lost = [isinstance(one, proposals.NotPossible) for one in results]
        plan.refresh_from_db()
        proposal.refresh_from_db()
        stands = (plan.content["task"], proposal.content["text"], proposal.state)
        if lost == [True, False]:
            assert stands == ("", "", "taken_back")
        else:
            assert lost == [False, True]
            assert stands == ("Sit on a stool", "Sit on a stool", "accepted")


# --- Signing ----------------------------------------------------------------------------


def test_of_many_who_sign_at_once_five_stand() -> None:
    seat = a_practising_member()
    for number in range(4):
        a_share(seat, email=f"p{number}@clinic.example")
    signing = [partial(a_share, seat, email=f"q{number}@clinic.example") for number in range(4)]
    results = at_once(signing)
    assert sum(isinstance(one, Share) for one in results) == 1
    assert sum(isinstance(one, Refused) for one in results) == 3
    assert Share.objects.standing(IN_WEEK_2).count() == 5


def test_two_changes_at_once_leave_one_consent() -> None:
    for _ in range(ROUNDS):
        old = a_share(a_practising_member(), email=f"{uuid.uuid4()}@clinic.example")
        changing = [
            partial(
                sharing.change,
                share=old,
                choice=a_choice(email="", parts=[part]),
                signature=a_signature(),
                now=IN_WEEK_2,
            )
            for part in ("plan", "goals")
        ]
        results = at_once(changing)
        assert sum(isinstance(one, Refused) for one in results) == 1
        assert Share.objects.standing(IN_WEEK_2).filter(enrollment=old.enrollment).count() == 1


def test_two_members_who_invite_the_same_stranger_at_once_make_one_person() -> None:
    for _ in range(ROUNDS):
        email = f"{uuid.uuid4()}@clinic.example"
        seats = [a_practising_member() for _ in range(4)]
        shares = at_once([partial(a_share, seat, email=email) for seat in seats])
        people = {one.practitioner_id for one in shares if isinstance(one, Share)}
        assert (len(people), [type(one) for one in shares]) == (1, [Share] * 4)
