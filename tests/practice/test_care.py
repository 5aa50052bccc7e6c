"""What a practitioner sees: what the consent says, at each click anew, with a second factor, and
written down before it is shown."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import audit
from accounts.middleware import READS_OTHERS
from accounts.models import Action, AuditEntry, Role, User
from enrollment.models import AttendanceNote, Enrollment, Mark
from outbox.services import deliver_due
from practice import aiming, proposals, shared, sharing
from practice.goals import Aim
from practice.models import DiaryEntry, Goal, GoalRating, Part, Proposal, Share, WeekPlan
from tests.accounts.people import (
    PASSWORD,
    app_shows,
    code_in,
    last_mail,
    make_person,
    sign_in_with_factor,
)
from tests.enrollment.builders import HOUR, MINUTE, session
from tests.practice import lived
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import (
    a_card,
    a_choice,
    a_goal,
    a_plan,
    a_practitioner,
    a_proposal,
    a_share,
    a_signature,
    let_in,
    looks,
)

pytestmark = pytest.mark.django_db

CARE = reverse("practice:care")
SIGN_IN = reverse("account_login")
SET_UP = reverse("mfa_activate_totp")
READ = {
    Part.PLAN: Action.SHARED_PLAN_READ,
    Part.DIARY: Action.SHARED_DIARY_READ,
    Part.GOALS: Action.SHARED_GOALS_READ,
    Part.ATTENDANCE: Action.SHARED_ATTENDANCE_READ,
}


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


def path(share: Share, part: str = "") -> str:
    name = f"care_{part}" if part else "care_overview"
    return reverse(f"practice:{name}", args=[share.public_id])


def page(client: Client, share: Share, part: str = "") -> str:
    answer = client.get(path(share, part))
    assert answer.status_code == 200
    return str(answer.content.decode())


# --- The gate ---------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_the_second_factor_is_asked_of_everybody(clock: Any, seat: Enrollment, role: Role) -> None:
    reader = a_practitioner(role=role)
    share = a_share(seat, to=reader)
    client = Client()
    client.force_login(reader)
    for here in (CARE, path(share), *(path(share, part) for part in Part)):
        assert client.get(here)["Location"] == SET_UP
        assert client.post(here)["Location"] == SET_UP
    assert not AuditEntry.objects.exists()
    share.refresh_from_db()
    assert share.accepted_at is None
    sign_in_with_factor(client, reader)
    assert client.get(CARE).status_code == 200


def test_for_whom_nobody_invited_the_pages_do_not_exist(clock: Any, seat: Enrollment) -> None:
    a_share(seat)
    for role in Role:
        client = let_in(a_practitioner(role=role))
        expected = 200 if role == Role.PRACTITIONER else 404
        assert client.get(CARE).status_code == expected
    assert Client().get(CARE)["Location"] == f"{SIGN_IN}?next={CARE}"


def test_a_session_that_reads_idles_out_like_staffs(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner(role=Role.MEMBER)
    share = a_share(seat, to=reader)
    idle = let_in(reader)
    clock.shift(29 * MINUTE)
    assert idle.get(CARE).status_code == 200  # until here it was a member's
    clock.shift(29 * MINUTE)
    assert idle.get(path(share, "plan")).status_code == 200
    assert idle.session[READS_OTHERS]
    clock.shift(30 * MINUTE)
    assert idle.get(path(share, "plan"))["Location"].startswith(SIGN_IN)


def test_no_copy_of_a_page_is_kept(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    client = let_in(reader)
    for here in (CARE, path(share), *(path(share, part) for part in Part)):
        assert "no-store" in client.get(here)["Cache-Control"]
    refused = client.post(path(share, "plan"), {})
    assert refused.status_code == 422
    assert "no-cache" in refused["Cache-Control"]


# --- Coming in --------------------------------------------------------------------------


def test_an_invited_stranger_comes_in_by_mail_code_and_second_step(
    clock: Any, seat: Enrollment
) -> None:
    """Through the real pages and mails, from the signature to the plan."""
    a_plan(seat)
    member = Client()
    member.force_login(seat.member)
    typed = {
        "name": "Sam Ortiz",
        "email": "Sam@Clinic.example",
        "role": "ot",
        "parts": ["plan"],
        "until": "2027-01-31",
        "sign": "1",
        "signature": "Robin Lee",
        "key": str(uuid.uuid4()),
        "terms": "1",
    }
    member.post(reverse("practice:share_new", args=[seat.public_id]), typed)
    deliver_due(clock=lambda: IN_WEEK_2)
    found = re.search(r"/care/[0-9a-f-]{36}/", str(last_mail().body))
    assert found
    person = User.objects.get(email="sam@clinic.example")
    own = person.emailaddress_set.get()  # type: ignore[attr-defined]  # allauth's
    assert not own.verified

    client = come_by_code(found[0], "sam@clinic.example")
    own.refresh_from_db()
    assert own.verified
    landed = client.get(found[0])
    assert landed["Location"] == SET_UP
    secret = client.get(SET_UP).context["form"].secret
    set_up = client.post(SET_UP, {"code": app_shows(secret)}, follow=True)
    assert found[0] in set_up.content.decode()  # the way on
    overview = client.get(found[0])
    assert "Robin Lee" in overview.content.decode()
    share = Share.objects.get()
    assert share.accepted_at == IN_WEEK_2
    assert "Open the post" in page(client, share, "plan")
    assert client.get(reverse("account_login"))["Location"] == CARE


def come_by_code(here: str, email: str) -> Client:
    """Follow the link of the mail, signed out, and ask for a code."""
    client = Client()
    asked = client.get(here)
    assert asked["Location"] == f"{SIGN_IN}?next={here}"
    ask = f"{reverse('account_request_login_code')}?next={here}"
    assert ask in client.get(asked["Location"]).content.decode().replace("%2F", "/")
    confirm = client.post(ask, {"email": email, "next": here})["Location"]
    assert f'name="next" value="{here}"' in client.get(confirm).content.decode()
    answer = client.post(confirm, {"code": code_in(last_mail()), "next": here})
    assert answer["Location"] == here
    return client


def sign_up(client: Client, email: str) -> None:
    answers = {
        "display_name": "Not Sam",
        "email": email,
        "password1": PASSWORD,
        "time_zone": "America/Phoenix",
    }
    client.post(reverse("account_signup"), answers)


@pytest.mark.parametrize("stranger_first", [True, False])
def test_who_signed_up_with_the_address_gets_nothing_of_it(
    clock: Any, seat: Enrollment, stranger_first: bool
) -> None:
    """The account that a stranger made, before or after the invitation, is the owner's."""
    email, stranger = "sam@clinic.example", Client()
    if stranger_first:
        sign_up(stranger, email)
    share = a_share(seat, email=email)
    if not stranger_first:
        sign_up(stranger, email)
        assert "You already have an account" in str(last_mail().body)
    cache.clear()
    assert User.objects.filter(email=email).count() == 1
    inside = Client()
    inside.force_login(share.practitioner)
    client = come_by_code(path(share), email)
    client.get(path(share))
    assert client.get(path(share))["Location"] == SET_UP
    for thief in (stranger, inside, Client()):
        thief.post(SIGN_IN, {"login": email, "password": PASSWORD})
        assert thief.get(path(share))["Location"].startswith(SIGN_IN)
    person = User.objects.get(email=email)
    assert not person.has_usable_password()
    assert person.display_name == ""
    assert not Authenticator.objects.filter(user=person).exists()


def test_the_stranger_cannot_set_up_a_factor_on_an_account_that_nobody_confirmed(
    clock: Any, seat: Enrollment
) -> None:
    share = a_share(seat)
    thief = Client()
    thief.force_login(share.practitioner)  # worse than anybody could come
    thief.get(path(share))
    thief.get(SET_UP)
    assert not Authenticator.objects.exists()
    assert thief.get(path(share)).status_code == 302


@pytest.mark.parametrize("claimed_first", [True, False])
def test_who_is_about_to_change_to_the_address_gets_nothing_of_it(
    clock: Any, seat: Enrollment, claimed_first: bool
) -> None:
    """Somebody with an account of their own claims the address, and cannot confirm it."""
    email, thief = "sam@clinic.example", make_person("thief@example.org")
    claiming = Client()
    claiming.post(SIGN_IN, {"login": thief.email, "password": PASSWORD})

    def claim() -> None:
        asked = claiming.post(reverse("account_email"), {"action_add": "", "email": email})
        assert asked.status_code == 302

    if claimed_first:
        claim()
    share = a_share(seat, email=email)
    if not claimed_first:
        claim()
    cache.clear()
    assert share.practitioner != thief
    client = come_by_code(path(share), email)
    assert client.get(path(share))["Location"] == SET_UP
    assert claiming.get(path(share)).status_code == 404
    # Nor does another member's invitation go there.
    again = a_share(a_practising_member(), email=email)
    assert again.practitioner == share.practitioner


# --- What is shown ----------------------------------------------------------------------


def test_the_list_names_who_shares_and_until_when(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner(time_zone="America/New_York")
    a_share(seat, to=reader)
    over = a_practising_member()
    sharing.withdraw(share=a_share(over, to=reader), now=IN_WEEK_2)
    words = let_in(reader).get(CARE).content.decode()
    assert "Robin Lee" in words
    assert "Until the end of Sunday, January 31, 2027" in words
    assert "12:00 AM" not in words
    assert len(re.findall(r"/care/[0-9a-f]", words)) == 1


def test_the_last_day_is_named_as_the_member_chose_it(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner(time_zone="America/Los_Angeles")
    share, client = a_share(seat, to=reader), let_in(reader)
    for part in ("", *Part):
        words = page(client, share, part)
        assert "Shared with you until the end of Sunday, January 31, 2027." in words
        assert "12:00 AM" not in words
    member = Client()
    member.force_login(seat.member)
    here = reverse("practice:share", args=[seat.public_id, share.public_id])
    assert "the end of Sunday, January 31, 2027" in member.get(here).content.decode()


def test_the_first_visit_accepts_and_later_ones_change_nothing(
    clock: Any, seat: Enrollment
) -> None:
    reader = a_practitioner()
    share, client = a_share(seat, to=reader), let_in(reader)
    for _ in range(2):
        page(client, share)
        clock.shift(HOUR / 4)
    share.refresh_from_db()
    assert share.accepted_at == IN_WEEK_2


def test_the_plan_is_shown_week_by_week(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    plan = a_plan(seat, outcome="partly", outcome_words="It felt odd")
    WeekPlan.objects.filter(pk=plan.pk).update(content={**plan.content, "later": "not known here"})
    a_plan(seat, week=3, activity="Not begun yet")
    words = page(let_in(reader), a_share(seat, to=reader), "plan")
    for shown in ("Open the post", "Tuesday at the table", "A timer", "6 of 10", "Partly"):
        assert shown in words
    for hidden in ("Not begun yet", "not known here", "It felt odd"):
        assert hidden not in words


def test_what_is_shared_is_written_for_whoever_reads_it(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    main = page(let_in(reader), a_share(seat, to=reader)).split("<main")[1].split("</main>")[0]
    assert "what they chose to do, when and where" in main
    assert re.findall(r"\b[Yy]our? (?!may|open|until)\w*", main.replace("Your role", "")) == []
    assert main.count("Robin Lee") == 2  # the heading, and who signed


def test_the_plan_leads_to_writing_and_names_its_member_once_on_top(
    clock: Any, seat: Enrollment
) -> None:
    reader = a_practitioner()
    words = page(let_in(reader), a_share(seat, to=reader), "plan")
    assert '<a href="#write-title">Write to the plan</a>' in words
    assert words.index('href="#write-title"') < words.index('id="week-2"')
    assert "kicker" not in words


def test_a_goal_that_nobody_works_on_says_so_plainly(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    a_goal(seat)
    words = page(let_in(reader), a_share(seat, to=reader), "goals")
    assert "Nobody is named yet." in words
    assert "alone" not in words


def test_of_the_diary_only_numbers_are_shown(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    a_card(seat, dt.date(2026, 10, 13), activity="Secretly baking")
    a_card(seat, dt.date(2026, 10, 14), skills=["STOP", "TIP"], before=7, after=5)
    a_card(seat, dt.date(2026, 10, 7), before=None)
    words = page(let_in(reader), a_share(seat, to=reader), "diary")
    assert "STOP (2 days), TIP (1 day)" in words
    assert "7.5 before, 4.5 after" in words
    assert words.count("on average") == 1
    for hidden in ("secret", "Secret", "October 13", "baking"):
        assert hidden not in words


def test_the_strength_of_a_single_day_is_not_shown(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    a_card(seat, dt.date(2026, 10, 13), before=8, after=3)
    a_card(seat, dt.date(2026, 10, 14), before=9, after=None)
    share = a_share(seat, to=reader)
    words = page(let_in(reader), share, "diary")
    assert "STOP (2 days)" in words
    assert "before, " not in words
    DiaryEntry.objects.filter(day=dt.date(2026, 10, 14)).delete()
    a_card(seat, dt.date(2026, 10, 14), before=9, after=4)
    assert "8.5 before, 3.5 after" in page(let_in(reader), share, "diary")


def test_goals_are_shown_with_their_steps_and_ratings(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, goal = a_share(seat, to=reader), a_goal(seat)
    ended = lived.a_goal(seat, Aim(title="A goal of before", levels=("", "1", "2", "3", "")))
    Goal.objects.filter(pk=ended.pk).update(ended_at=IN_WEEK_2)
    sharing.work_on(enrollment=seat, chosen={goal.public_id: share})
    GoalRating.objects.create(
        goal=goal, week=1, content={"level": -1, "note": "Hard"}, rated_at=IN_WEEK_2
    )
    words = page(let_in(reader), share, "goals")
    for shown in ("Cook at home", "Three times", "Week 1: \u22121", "Hard", "Sam Ortiz (you)"):
        assert shown in words
    assert "A goal of before" not in words


def test_attendance_is_shown_as_it_was_noted(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    AttendanceNote.objects.create(
        enrollment=seat,
        session=session(seat.cohort, 1),
        mark=Mark.PRESENT,
        noted_by=reader,
        noted_at=IN_WEEK_2,
    )
    words = page(let_in(reader), a_share(seat, to=reader), "attendance")
    assert "Tuesday, October 6: Present" in words
    assert "Tuesday, October 13: Not noted" in words
    assert "Week 3" not in words


# --- Every object x every role ----------------------------------------------------------

CHOICES = [("plan",), ("diary",), ("goals",), ("attendance",), ("plan", "goals"), tuple(Part)]


@pytest.mark.parametrize("parts", CHOICES, ids="+".join)
@pytest.mark.parametrize("role", list(Role))
def test_exactly_the_parts_of_the_consent_open_and_each_is_in_the_log(
    clock: Any, seat: Enrollment, role: Role, parts: tuple[str, ...]
) -> None:
    reader = a_practitioner(role=role)
    share, client = a_share(seat, to=reader, parts=list(parts)), let_in(reader)
    for part in Part:
        expected = 200 if part in parts else 404
        assert client.get(path(share, part)).status_code == expected
        assert looks(READ[part], share.public_id) == (1 if part in parts else 0)
        if part in (Part.PLAN, Part.GOALS):
            assert (client.post(path(share, part), {}).status_code == 404) is (part not in parts)
    assert {entry.actor for entry in AuditEntry.objects.all()} == {reader}


def ended_by_withdrawal(share: Share, clock: Any) -> None:
    sharing.withdraw(share=share, now=IN_WEEK_2)


def ended_by_its_date(share: Share, clock: Any) -> None:
    Share.objects.filter(pk=share.pk).update(ends_at=IN_WEEK_2 + MINUTE)
    clock.shift(MINUTE)


@pytest.mark.parametrize("end", [ended_by_withdrawal, ended_by_its_date])
@pytest.mark.parametrize("role", list(Role))
def test_the_next_click_after_the_end_finds_nothing(
    clock: Any, seat: Enrollment, role: Role, end: Any
) -> None:
    reader = a_practitioner(role=role)
    share, goal = a_share(seat, to=reader), a_goal(seat)
    client = let_in(reader)
    for part in Part:
        page(client, share, part)
    end(share, clock)
    known = AuditEntry.objects.count()
    for here in (path(share), *(path(share, part) for part in Part)):
        assert client.get(here).status_code == 404
    typed = {"week": "2", "kind": "comment", "text": "Late", "key": str(uuid.uuid4())}
    assert client.post(path(share, "plan"), typed).status_code == 404
    rating = {"goal": str(goal.public_id), "week": "1", "level": "0", "seen": "0", "goal_seen": "1"}
    assert client.post(path(share, "goals"), {**rating, "rate": "1"}).status_code == 404
    assert client.post(path(share, "goals"), {**rating, "agree": "1"}).status_code == 404
    assert not Proposal.objects.exists()
    assert not GoalRating.objects.exists()
    assert AuditEntry.objects.count() == known


@pytest.mark.parametrize("role", list(Role))
def test_after_a_change_the_earlier_pages_lead_to_what_stands(
    clock: Any, seat: Enrollment, role: Role
) -> None:
    reader = a_practitioner(role=role)
    first, goal = a_share(seat, to=reader), a_goal(seat)
    client, share = let_in(reader), first
    for _ in range(2):
        share = sharing.change(
            share=share, choice=a_choice(email=""), signature=a_signature(), now=IN_WEEK_2
        )
    for here in (path(first), *(path(first, part) for part in Part)):
        answer = client.get(here)
        assert (answer.status_code, answer["Location"]) == (302, path(share))
        assert "no-store" in answer["Cache-Control"]
    steps = {"goal": str(goal.public_id), "goal_seen": "1", "rate": "1"}
    late = client.post(path(first, "goals"), {**steps, "week": "1", "level": "0", "seen": "0"})
    assert late.status_code == 422
    assert "changed meanwhile, so this was not saved yet" in late.content.decode()
    assert not GoalRating.objects.exists()
    assert let_in(a_practitioner()).get(path(first)).status_code == 404
    sharing.withdraw(share=share, now=IN_WEEK_2)
    assert client.get(path(first)).status_code == 404


def test_what_is_not_found_leads_to_what_is_shared(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, client = a_share(seat, to=reader), let_in(reader)
    sharing.withdraw(share=share, now=IN_WEEK_2)
    words = client.get(path(share)).content.decode()
    assert "Shared with me" in words
    assert "Groups you can join" not in words.split("<main")[1]
    elsewhere = client.get("/nowhere/").content.decode()
    assert "Groups you can join" in elsewhere
    assert "Shared with me" not in elsewhere.split("<main")[1]


@pytest.mark.parametrize("role", list(Role))
def test_what_is_shared_with_one_is_nobody_elses(clock: Any, seat: Enrollment, role: Role) -> None:
    share = a_share(seat, to=a_practitioner())
    other_seat = a_practising_member()
    other = a_practitioner(role=role)
    a_share(other_seat, to=other)
    seat.cohort.facilitators.add(other)
    client = let_in(other)
    for here in (path(share), *(path(share, part) for part in Part)):
        assert client.get(here).status_code == 404
        assert client.post(here, {}).status_code == 404
    assert not AuditEntry.objects.exists()


def open_directly(share: Share, reader: User, part: Part = Part.PLAN) -> None:
    """Past the gate of the pages, which asks as well."""
    with shared.opened(public_id=share.public_id, reader=reader, part=part, now=IN_WEEK_2):
        pass


def test_also_without_the_gate_nothing_opens_that_is_not_shared(seat: Enrollment) -> None:
    share = a_share(seat, parts=["plan"])
    reader = share.practitioner
    open_directly(share, reader)
    for other in (seat.member, a_practitioner()):
        with pytest.raises(Share.DoesNotExist):
            open_directly(share, other)
    with pytest.raises(Share.DoesNotExist):
        open_directly(share, reader, Part.DIARY)
    Share.objects.filter(pk=share.pk).update(signed_at=IN_WEEK_2 - 2 * HOUR, ends_at=IN_WEEK_2)
    with pytest.raises(Share.DoesNotExist):
        open_directly(share, reader)
    assert AuditEntry.objects.count() == 1


def test_the_member_does_not_read_as_their_practitioner(clock: Any, seat: Enrollment) -> None:
    share = a_share(seat)
    assert let_in(seat.member).get(path(share)).status_code == 404


def test_a_goal_of_somebody_else_is_not_rated(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, others = a_share(seat, to=reader), a_goal(a_practising_member())
    rating = {
        "goal": str(others.public_id),
        "week": "1",
        "level": "0",
        "seen": "0",
        "goal_seen": "1",
    }
    client = let_in(reader)
    for act in ("rate", "agree"):
        answer = client.post(path(share, "goals"), {**rating, "seen": "1", act: "1"})
        assert answer.status_code == 404
    others.refresh_from_db()
    assert (others.agreed_at, GoalRating.objects.count()) == (None, 0)


def test_no_admin_page_shows_any_of_it() -> None:
    rooms = {model._meta.app_label for model in admin.site._registry}
    assert "practice" not in rooms


# --- The log ----------------------------------------------------------------------------


def test_a_reload_within_ten_minutes_is_the_same_look(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, client = a_share(seat, to=reader), let_in(reader)
    for _ in range(2):
        page(client, share, "plan")
        clock.shift(9 * MINUTE)
    assert looks(Action.SHARED_PLAN_READ, share.public_id) == 1
    clock.shift(MINUTE)
    page(client, share, "plan")
    assert looks(Action.SHARED_PLAN_READ, share.public_id) == 2
    assert audit.check().flaw == ""


def test_the_member_reads_who_opened_what(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, client = a_share(seat, to=reader), let_in(reader)
    page(client, share, "plan")
    clock.shift(dt.timedelta(days=7))
    client = let_in(reader)
    page(client, share, "goals")
    member = Client()
    member.force_login(seat.member)
    words = member.get(reverse("practice:sharing", args=[seat.public_id])).content.decode()
    assert "Sam Ortiz opened your goals on Wednesday, 12:00 PM Eastern" in words
    assert "Sam Ortiz opened your plan on Wednesday, October 14, 12:00 PM Eastern" in words
    assert words.index("opened your goals") < words.index("opened your plan")


def test_the_log_of_an_ended_consent_stays(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    page(let_in(reader), share, "diary")
    sharing.withdraw(share=share, now=IN_WEEK_2)
    member = Client()
    member.force_login(seat.member)
    words = member.get(reverse("practice:sharing", args=[seat.public_id])).content.decode()
    assert "Sam Ortiz opened the summary of your diary" in words


def test_what_cannot_be_written_down_is_not_read(
    clock: Any, seat: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = a_practitioner()
    a_plan(seat)
    share, client = a_share(seat, to=reader), let_in(reader)

    def full(**given: object) -> None:
        raise RuntimeError("no room in the log")

    monkeypatch.setattr(audit, "record", full)
    client.raise_request_exception = False
    for part in Part:
        answer = client.get(path(share, part))
        assert answer.status_code == 500
        assert b"Open the post" not in answer.content


# --- Two who help -----------------------------------------------------------------------


def test_two_with_the_same_part_see_each_other(clock: Any, seat: Enrollment) -> None:
    one, two, third = a_practitioner(), a_practitioner(), a_practitioner()
    first = a_share(seat, to=one, name="Sam Ortiz", parts=["plan", "goals"])
    second = a_share(seat, to=two, name="Ana Diaz", role="therapist", parts=["plan", "goals"])
    goals_only = a_share(seat, to=third, name="Lou Kim", role="other", parts=["goals"])
    a_proposal(first, kind="comment", text="Well begun", way="")
    goal = a_goal(seat)
    sharing.work_on(enrollment=seat, chosen={goal.public_id: first})
    plan = page(let_in(two), second, "plan")
    assert "Well begun" in plan
    assert "Sam Ortiz, occupational therapist" in plan
    assert "Lou Kim" not in plan
    goals = page(let_in(third), goals_only, "goals")
    assert "works on this with Sam Ortiz" in goals
    assert "Ana Diaz, individual therapist" in goals
    assert "Well begun" not in goals
    sharing.withdraw(share=first, now=IN_WEEK_2)
    after = page(let_in(two), second, "plan") + page(let_in(third), goals_only, "goals")
    assert "Sam Ortiz" not in after
    assert "Well begun" not in after


# --- Writing ----------------------------------------------------------------------------


def test_a_comment_and_suggestions_reach_the_member(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, client = a_share(seat, to=reader), let_in(reader)
    for kind, way in (("comment", ""), ("adaptation", "tool"), ("activity", "")):
        typed = {"week": "2", "kind": kind, "way": way, "text": f"My {kind}"}
        key = str(uuid.uuid4())
        for _ in range(2):  # a double press
            sent = client.post(path(share, "plan"), {**typed, "key": key})
            assert sent["Location"] == path(share, "plan")
    assert list(Proposal.objects.values_list("kind", "week", "share")) == [
        (kind, 2, share.pk) for kind in ("comment", "adaptation", "activity")
    ]
    ways = [one.content["way"] for one in Proposal.objects.all()]
    assert ways == ["", "tool", ""]
    member = Client()
    member.force_login(seat.member)
    words = member.get(reverse("practice:sharing", args=[seat.public_id])).content.decode()
    for kind in ("comment", "adaptation", "activity"):
        assert f"My {kind}" in words
    assert "a way to make it easier: a tool or an aid" in words
    assert words.count("Look at it and answer") == 2
    hub = member.get(reverse("practice:hub", args=[seat.public_id])).content.decode()
    assert hub.count("Sam Ortiz suggests something for week 2") == 2


def test_an_adaptation_of_something_that_no_plan_has_is_refused(seat: Enrollment) -> None:
    share = a_share(seat, to=a_practitioner())
    for way in ("", "activity", "outcome"):
        with pytest.raises(ValueError, match="one of the four"):
            a_proposal(share, way=way)
    assert not Proposal.objects.exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"text": ""}, "please fill this in"),
        ({"text": "\u200b"}, "please fill this in"),
        ({"text": "x" * 1001}, "at most 1000 characters"),
        ({"text": "A\0B"}, "Take out the character"),
        ({"week": "3"}, "Choose among those"),
        ({"kind": ""}, "Choose what it is"),
        ({"kind": "adaptation", "way": ""}, "Choose what would be made easier"),
        ({"key": "no"}, "open this page again"),
    ],
)
def test_a_form_that_is_not_right_comes_back_with_what_was_typed(
    clock: Any, seat: Enrollment, typed: dict[str, str], said: str
) -> None:
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    right = {"week": "2", "kind": "comment", "text": "My words", "key": str(uuid.uuid4())}
    answer = let_in(reader).post(path(share, "plan"), {**right, **typed})
    assert answer.status_code == 422
    words = answer.content.decode()
    assert said in words
    if "text" not in typed:
        assert "My words" in words
    assert not Proposal.objects.exists()


def test_also_without_the_form_nothing_is_written_to_a_week_ahead(seat: Enrollment) -> None:
    share = a_share(seat, to=a_practitioner())
    with pytest.raises(proposals.NotPossible, match="not begun"):
        a_proposal(share, week=3)
    assert not Proposal.objects.exists()


def test_ten_things_to_one_week_are_enough(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, client = a_share(seat, to=reader), let_in(reader)
    for _ in range(11):
        typed = {"week": "2", "kind": "comment", "text": "W", "key": str(uuid.uuid4())}
        answer = client.post(path(share, "plan"), typed)
    assert answer.status_code == 422
    assert "ten things" in answer.content.decode()
    assert Proposal.objects.count() == 10


def test_a_goal_is_agreed_on_as_it_was_seen(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, goal, client = a_share(seat, to=reader), a_goal(seat), let_in(reader)
    typed = {"goal": str(goal.public_id), "agree": "1"}
    client.post(path(share, "goals"), {**typed, "seen": "2"})
    goal.refresh_from_db()
    assert not goal.agreed_at
    assert "changed meanwhile" in page(client, share, "goals")
    client.post(path(share, "goals"), {**typed, "seen": "1"})
    goal.refresh_from_db()
    assert goal.agreed_by == reader
    assert goal.agreed_at == IN_WEEK_2


def test_a_goal_is_rated_and_a_rating_that_came_between_is_not_lost(
    clock: Any, seat: Enrollment
) -> None:
    reader = a_practitioner()
    share, goal, client = a_share(seat, to=reader), a_goal(seat), let_in(reader)
    typed = {"goal": str(goal.public_id), "week": "1", "rate": "1", "goal_seen": "1"}
    client.post(path(share, "goals"), {**typed, "level": "1", "note": "Good", "seen": "0"})
    rating = GoalRating.objects.get()
    assert rating.content == {"level": 1, "words": "Three times", "note": "Good"}
    assert (rating.week, rating.rated_by, rating.revision) == (1, reader, 1)
    late = client.post(path(share, "goals"), {**typed, "level": "-2", "note": "Mine", "seen": "0"})
    assert late.status_code == 422
    words = late.content.decode()
    assert "rated this goal meanwhile" in words
    assert "Mine" in words
    assert "Week 1: +1" in words
    client.post(path(share, "goals"), {**typed, "level": "-2", "note": "Mine", "seen": "1"})
    rating.refresh_from_db()
    assert (rating.content["level"], rating.revision) == (-2, 2)
    older = client.post(path(share, "goals"), {**typed, "level": "2", "note": "", "seen": "1"})
    assert older.status_code == 422
    rating.refresh_from_db()
    assert (rating.content["level"], rating.revision) == (-2, 2)


def test_a_rating_is_of_the_steps_that_the_page_showed(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, goal, client = a_share(seat, to=reader), a_goal(seat), let_in(reader)
    shown = page(client, share, "goals")
    assert 'name="goal_seen" value="1"' in shown
    aim = Aim(title="Cook at home", levels=("A", "B", "C", "D", "E"))
    aiming.change_goal(goal=goal, aim=aim, seen=1, now=IN_WEEK_2)
    typed = {"goal": str(goal.public_id), "week": "1", "rate": "1", "seen": "0"}
    late = client.post(
        path(share, "goals"), {**typed, "level": "1", "note": "Mine", "goal_seen": 1}
    )
    assert late.status_code == 422
    words = late.content.decode()
    assert aiming.CHANGED in words
    assert "Mine" in words
    assert "<dd>D</dd>" in words
    assert 'name="goal_seen" value="1"' not in words
    for odd in ("", "x", "-1"):
        without = {**typed, "level": "1", "goal_seen": odd}
        assert client.post(path(share, "goals"), without)["Location"] == path(share, "goals")
    assert not GoalRating.objects.exists()
    client.post(path(share, "goals"), {**typed, "level": "1", "note": "Mine", "goal_seen": 2})
    assert GoalRating.objects.get().content == {"level": 1, "words": "D", "note": "Mine"}


def test_a_week_that_has_not_begun_is_not_rated(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share, goal = a_share(seat, to=reader), a_goal(seat)
    typed = {"goal": str(goal.public_id), "week": "4", "level": "1", "seen": "0", "goal_seen": "1"}
    let_in(reader).post(path(share, "goals"), {**typed, "rate": "1"})
    assert not GoalRating.objects.exists()


# --- Queries ----------------------------------------------------------------------------


def queries(client: Client, here: str) -> int:
    client.get(here)  # the look is written down
    with CaptureQueriesContext(connection) as asked:
        assert client.get(here).status_code == 200
    return len(asked)


def test_the_pages_ask_as_much_in_week_12_as_in_week_2(clock: Any, seat: Enrollment) -> None:
    reader = a_practitioner()
    share = a_share(seat, to=reader)
    here = [CARE, path(share), *(path(share, part) for part in Part)]
    a_plan(seat, week=1)
    a_proposal(share)
    a_goal(seat)
    client = let_in(reader)
    few = [queries(client, one) for one in here]
    other = a_share(seat, email="other@clinic.example")
    clock.shift(dt.timedelta(weeks=10))
    later = IN_WEEK_2 + dt.timedelta(weeks=10)
    for week in range(2, 13):
        a_plan(seat, week=week)
        a_proposal(share, week=week, now=later)
        a_proposal(other, week=week, now=later)
    for day in range(60):
        a_card(seat, dt.date(2026, 10, 6) + dt.timedelta(days=day))
    for _ in range(2):
        a_goal(seat)
    client = let_in(reader)
    many = [queries(client, one) for one in here]
    assert many == few
    # Of these, nine are the session, the person, the consent (at the gate, then held: with the
    # marks of the test's own transaction), the second factor and the look that is the same.
    assert max(few) <= 16
