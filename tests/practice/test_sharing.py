"""A consent: signed after it was read, for one person, until a day; changed by a new signature."""

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Action, Role, User
from enrollment import services
from enrollment.models import Enrollment
from outbox.models import Message, State
from outbox.services import deliver_due
from practice import consent, for_leaders, proposals, shared, sharing
from practice.inviting import INVITATION
from practice.models import (
    Goal,
    Part,
    PractitionerRole,
    Proposal,
    Share,
    SharedWithLeader,
    WeekPlan,
)
from practice.own import own_practice
from practice.planning import Plan
from practice.proposals import Words
from practice.sharing import Names, Refused
from tests.accounts.people import last_mail
from tests.enrollment.builders import an_intake, session
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import (
    a_choice,
    a_goal,
    a_plan,
    a_practitioner,
    a_proposal,
    a_share,
    a_signature,
    looks,
)

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
TYPED = {
    "name": "Sam Ortiz",
    "email": "sam@clinic.example",
    "role": "ot",
    "parts": ["plan", "goals"],
    "until": "2027-01-31",
}


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


def address(name: str, seat: Enrollment, *more: object) -> str:
    return reverse(f"practice:{name}", args=[seat.public_id, *more])


def signed_in(seat: Enrollment) -> Client:
    client = Client()
    client.force_login(seat.member)
    return client


# --- Signing ----------------------------------------------------------------------------


def test_nothing_is_shared_before_the_signature(seat: Enrollment) -> None:
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_new", seat)
        page = client.post(here, TYPED).content.decode()
    assert "Look before you sign" in page
    for part in (Part.PLAN, Part.GOALS):
        assert consent.CURRENT.parts[part].shows in page
    for part in (Part.DIARY, Part.ATTENDANCE):
        assert consent.CURRENT.parts[part].shows not in page
    for words in (*consent.CURRENT.text, *consent.CURRENT.never):
        assert words in page
    assert not Share.objects.exists()
    assert not User.objects.filter(email="sam@clinic.example").exists()


def sign_on_the_page(client: Client, here: str, key: uuid.UUID | None = None) -> object:
    typed = {
        **TYPED,
        "sign": "1",
        "signature": "Robin Lee",
        "key": str(key or uuid.uuid4()),
        "terms": str(consent.CURRENT.version),
    }
    return client.post(here, typed)


def test_a_signature_keeps_what_was_chosen_and_by_which_text(seat: Enrollment) -> None:
    with time_machine.travel(IN_WEEK_2, tick=False):
        sign_on_the_page(signed_in(seat), address("share_new", seat))
    share = Share.objects.get()
    assert share.parts == ["plan", "goals"]
    assert (share.role, share.terms_version, share.signed_at) == ("ot", 1, IN_WEEK_2)
    assert share.ip == "127.0.0.1"
    # The end of January 31 on the member's own clock.
    assert share.ends_at == dt.datetime(2027, 2, 1, tzinfo=ZoneInfo("America/New_York"))
    names = Names.load(share.content)
    assert (names.name, names.email, names.signature) == (
        "Sam Ortiz",
        "sam@clinic.example",
        "Robin Lee",
    )


def test_pressing_twice_signs_once(seat: Enrollment) -> None:
    key = uuid.uuid4()
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_new", seat)
        answers = [sign_on_the_page(client, here, key) for _ in range(2)]
    assert [getattr(one, "status_code", 0) for one in answers] == [302, 302]
    assert Share.objects.count() == 1
    assert Message.objects.filter(kind=INVITATION).count() == 1


def test_what_was_typed_stays_when_something_is_missing(seat: Enrollment) -> None:
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_new", seat)
        first = client.post(here, {**TYPED, "until": "2029-01-01", "parts": []})
        unsigned = client.post(here, {**TYPED, "sign": "1", "key": uuid.uuid4(), "terms": 1})
        again = client.post(here, {**TYPED, "back": "1"})
    assert first.status_code == 422
    assert "within a year" in first.content.decode()
    assert 'value="sam@clinic.example"' in first.content.decode()
    assert unsigned.status_code == 422
    assert "Look before you sign" in unsigned.content.decode()
    assert again.status_code == 200
    assert 'value="2027-01-31"' in again.content.decode()
    assert not Share.objects.exists()


@pytest.mark.parametrize("until", ["2026-10-13", "2027-10-15", "9999-12-31", "0000-01-01", "soon"])
def test_the_last_day_is_today_or_within_a_year(seat: Enrollment, until: str) -> None:
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_new", seat)
        assert client.post(here, {**TYPED, "until": until}).status_code == 422
        assert client.post(here, {**TYPED, "until": "2026-10-14"}).status_code == 200
        assert client.post(here, {**TYPED, "until": "2027-10-14"}).status_code == 200


def test_the_usual_end_is_four_weeks_after_the_last_session(seat: Enrollment) -> None:
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=IN_WEEK_2)
    assert sharing.usual_day(practice) == dt.date(2027, 1, 19)  # the last is on December 22
    later = IN_WEEK_2 + 365 * DAY
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=later)
    assert sharing.usual_day(practice) == practice.today + 28 * DAY


def test_a_text_that_changed_meanwhile_is_read_again(seat: Enrollment) -> None:
    with pytest.raises(Refused, match="text has changed"):
        sharing.sign(
            enrollment=seat,
            choice=a_choice(),
            signature=a_signature(terms_version=0),
            now=IN_WEEK_2,
        )
    assert not Share.objects.exists()


def test_every_version_of_the_text_stays_readable() -> None:
    assert consent.CURRENT is consent.CONSENTS[max(consent.CONSENTS)]
    for version, text in consent.CONSENTS.items():
        assert (text.version, set(text.parts)) == (version, set(Part))


# --- Whom -------------------------------------------------------------------------------


def test_an_unknown_address_gets_an_account_without_password_or_name(seat: Enrollment) -> None:
    share = a_share(seat, email=" Sam@Clinic.Example ")
    person = share.practitioner
    assert (person.email, person.role) == ("sam@clinic.example", Role.PRACTITIONER)
    assert not person.has_usable_password()
    assert person.display_name == ""
    assert not EmailAddress.objects.get(user=person).verified


def test_whoever_was_made_a_practitioner_is_a_member_once_they_come_for_themselves(
    seat: Enrollment,
) -> None:
    # An address can be typed by mistake, and its owner come for themselves later.
    person = a_share(seat, email="future@client.example").practitioner
    for _ in range(2):
        an_intake(person)
        person.refresh_from_db()
        assert person.role == Role.MEMBER
    assert looks(Action.ROLE_MEMBER, person.pk) == 1
    # What is shared with them they see as before.
    assert shared.reads_here(person)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.FACILITATOR, Role.BILLING, Role.ADMIN])
def test_somebody_known_is_taken_as_they_are(seat: Enrollment, role: Role) -> None:
    person = a_practitioner("dana@clinic.example", role=role, display_name="Dana")
    share = a_share(seat, email="Dana@clinic.example")
    assert share.practitioner == person
    person.refresh_from_db()
    assert (person.role, person.display_name) == (role, "Dana")
    assert User.objects.filter(email="dana@clinic.example").count() == 1


def test_a_second_confirmed_address_is_the_same_person(seat: Enrollment) -> None:
    person = a_practitioner()
    EmailAddress.objects.create(user=person, email="other@clinic.example", verified=True)
    assert a_share(seat, email="other@clinic.example").practitioner == person
    assert not User.objects.filter(email="other@clinic.example").exists()


def test_the_member_cannot_tell_whether_the_address_was_known() -> None:
    pages: list[list[list[str]]] = []
    for known in (False, True):
        seat = a_practising_member()
        email = f"known-{known}@clinic.example"
        if known:
            a_practitioner(email, display_name="Dr. Known")
        with time_machine.travel(IN_WEEK_2, tick=False):
            client = signed_in(seat)
            typed = {**TYPED, "email": email, "sign": "1", "signature": "R", "terms": "1"}
            key = uuid.UUID(int=len(pages) + 1)
            answer = client.post(address("share_new", seat), {**typed, "key": str(key)})
            page = client.get(answer["Location"])
            one = client.get(address("share", seat, key))
        words = [shown.content.decode() for shown in (page, one)]
        for own in (str(seat.public_id), str(key), email):
            words = [text.replace(own, "") for text in words]
        pages.append([without_tokens(text) for text in words])
    assert pages[0] == pages[1]


def without_tokens(text: str) -> list[str]:
    return [line for line in text.splitlines() if "csrfmiddlewaretoken" not in line]


def test_ones_own_address_is_refused_kindly(seat: Enrollment) -> None:
    with pytest.raises(Refused, match="your own address"):
        a_share(seat, email=seat.member.email.upper())
    assert not Share.objects.exists()


def test_the_same_person_twice_is_refused_while_it_stands(seat: Enrollment) -> None:
    first = a_share(seat)
    with pytest.raises(Refused, match="already"):
        a_share(seat)
    after = first.ends_at + DAY
    again = a_share(seat, now=after, until=dt.date(2027, 5, 1))
    first.refresh_from_db()
    assert first.withdrawn_at == first.ends_at
    assert again.stands(after)


def test_an_address_that_will_not_do_is_said_on_the_first_form(seat: Enrollment) -> None:
    a_share(seat)
    own = "robins.second@example.org"
    EmailAddress.objects.create(user=seat.member, email=own, verified=True)
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_new", seat)
        for email, words in [
            ("SAM@clinic.example", "You share with this person already"),
            (seat.member.email.upper(), "This is your own address"),
            (own, "This is your own address"),
        ]:
            answer = client.post(here, {**TYPED, "email": email})
            assert answer.status_code == 422
            assert words in said(answer)
            assert email in said(answer)
            assert "Look before you sign" not in said(answer)
        back = client.post(here, {**TYPED, "back": "1"})
    assert back.status_code == 200


def test_the_first_form_tells_nothing_of_somebody_elses_addresses(seat: Enrollment) -> None:
    reader = a_practitioner()
    a_share(seat, to=reader)
    EmailAddress.objects.create(user=reader, email="another@clinic.example", verified=True)
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_new", seat)
        answer = client.post(here, {**TYPED, "email": "another@clinic.example"})
    assert answer.status_code == 200
    assert "Look before you sign" in said(answer)


def test_an_ended_share_says_what_was_no_part_of_it(seat: Enrollment) -> None:
    share = a_share(seat, parts=["plan"])
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share", seat, share.public_id)
        assert "What they never see" in said(client.get(here))
        sharing.withdraw(share=share, now=IN_WEEK_2)
        page = said(client.get(here))
    assert "Not part of this" in page
    assert "never see" not in page


def test_another_role_is_called_somebody_else(seat: Enrollment) -> None:
    share = a_share(seat, role=PractitionerRole.OTHER)
    with time_machine.travel(IN_WEEK_2, tick=False):
        page = said(signed_in(seat).get(address("share", seat, share.public_id)))
    assert "Sam Ortiz, somebody else" in page


def test_five_at_most_stand_at_a_time(seat: Enrollment) -> None:
    shares = [a_share(seat, email=f"p{n}@clinic.example") for n in range(5)]
    with pytest.raises(Refused, match="five people"):
        a_share(seat, email="sixth@clinic.example")
    assert not User.objects.filter(email="sixth@clinic.example").exists()
    sharing.withdraw(share=shares[0], now=IN_WEEK_2)
    a_share(seat, email="sixth@clinic.example")


def test_signing_without_end_is_stopped(seat: Enrollment) -> None:
    with time_machine.travel(IN_WEEK_2, tick=False):
        client = signed_in(seat)
        for number in range(6):
            typed = {
                **TYPED,
                "email": f"p{number % 4}@clinic.example",
                "sign": "1",
                "signature": "R",
                "key": str(uuid.uuid4()),
                "terms": "1",
            }
            answer = client.post(address("share_new", seat), typed)
    assert answer.status_code == 422
    assert "quarter of an hour" in answer.content.decode()
    assert Share.objects.count() == 4


# --- The invitation ---------------------------------------------------------------------


def invited(now: dt.datetime) -> list[int]:
    """Send what is due; the consents of which an invitation went out."""
    deliver_due(clock=lambda: now)
    sent = Message.objects.filter(kind=INVITATION, state=State.SENT)
    return list(sent.values_list("subject_id", flat=True))


def test_the_invitation_names_nobody_and_nothing(seat: Enrollment) -> None:
    share = a_share(seat)
    deliver_due(clock=lambda: IN_WEEK_2)
    mail = last_mail()
    assert mail.subject == "You are invited to look at a plan"
    assert mail.to == ["sam@clinic.example"]
    text = f"{mail.subject} {mail.body!s} {mail.alternatives[0][0]!s}"
    assert f"/care/{share.public_id}/" in text
    for word in ("Robin", "Lee", "Sam Ortiz", "DBT", "diary", "goal", "skill", seat.cohort.name):
        # The safety foot and the practice's own name belong to every mail.
        assert word not in text


def test_an_invitation_whose_consent_was_erased_is_not_sent(seat: Enrollment) -> None:
    a_share(seat).delete()
    assert invited(IN_WEEK_2) == []
    assert Message.objects.get(kind=INVITATION).state == State.NOT_OWED


def test_an_invitation_that_is_withdrawn_is_not_sent(seat: Enrollment) -> None:
    share = a_share(seat)
    sharing.withdraw(share=share, now=IN_WEEK_2)
    assert invited(IN_WEEK_2) == []
    assert Message.objects.get(kind=INVITATION).state == State.NOT_OWED


def test_an_invitation_is_not_sent_after_its_end(seat: Enrollment) -> None:
    share = a_share(seat)
    assert invited(share.ends_at) == []


def test_an_invitation_is_not_sent_to_who_came_already(seat: Enrollment) -> None:
    share, other = a_share(seat), a_share(seat, email="other@clinic.example")
    shared.accept(share=other, now=IN_WEEK_2)
    assert invited(IN_WEEK_2) == [share.pk]


# --- Changing and ending ----------------------------------------------------------------


def test_a_change_is_a_new_signature_that_ends_the_old(seat: Enrollment) -> None:
    a_plan(seat)
    old = a_share(seat)
    shared.accept(share=old, now=IN_WEEK_2)
    old.refresh_from_db()
    proposal, goal = a_proposal(old), a_goal(seat)
    sharing.work_on(enrollment=seat, chosen={goal.public_id: old})
    new = sharing.change(
        share=old,
        choice=a_choice(email="", parts=["plan"], name="Sam O."),
        signature=a_signature(),
        now=IN_WEEK_2 + DAY,
    )
    old.refresh_from_db()
    proposal.refresh_from_db()
    goal.refresh_from_db()
    assert old.withdrawn_at == IN_WEEK_2 + DAY
    assert (new.practitioner, new.parts) == (old.practitioner, ["plan"])
    assert Names.load(new.content).email == "sam@clinic.example"
    assert new.accepted_at == old.accepted_at
    assert proposal.share == new
    assert goal.worked_on_with is None  # the goals are not shared any more
    assert Message.objects.filter(kind=INVITATION, subject_id=new.pk).count() == 0


def test_whoever_has_not_come_yet_is_invited_to_the_changed_one(seat: Enrollment) -> None:
    old = a_share(seat)
    new = sharing.change(
        share=old, choice=a_choice(email=""), signature=a_signature(), now=IN_WEEK_2
    )
    assert invited(IN_WEEK_2) == [new.pk]
    assert str(new.public_id) in str(last_mail().body)


def test_what_ended_meanwhile_is_not_changed(seat: Enrollment) -> None:
    old = a_share(seat)
    sharing.withdraw(share=old, now=IN_WEEK_2)
    with pytest.raises(Refused, match="ended meanwhile"):
        sharing.change(share=old, choice=a_choice(email=""), signature=a_signature(), now=IN_WEEK_2)
    assert Share.objects.count() == 1


def test_pressing_the_change_twice_changes_once(seat: Enrollment) -> None:
    old, key = a_share(seat), str(uuid.uuid4())
    typed = {**TYPED, "sign": "1", "signature": "R", "key": key, "terms": "1"}
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_change", seat, old.public_id)
        codes = [client.post(here, typed).status_code for _ in range(2)]
        assert client.get(here).status_code == 404
    assert codes == [302, 302]
    assert Share.objects.standing(IN_WEEK_2).get().public_id == uuid.UUID(key)


def test_a_change_says_that_the_earlier_choice_stands_until_it_is_signed(seat: Enrollment) -> None:
    old = a_share(seat)
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_change", seat, old.public_id)
        pages = [client.get(here), client.post(here, TYPED)]
        news = address("share_new", seat)
        first = [client.get(news), client.post(news, {**TYPED, "email": "new@clinic.example"})]
    for page in pages:
        assert "Sam Ortiz still sees what you chose before. It changes when you sign" in said(page)
        assert "Nothing is shared yet" not in said(page)
    for page in first:
        assert "Nothing is shared yet" in said(page)


def said(page: Any) -> str:
    return str(page.content.decode())


def test_a_press_ends_it_at_once_and_says_so(seat: Enrollment) -> None:
    share = a_share(seat)
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share", seat, share.public_id)
        page = client.post(here, follow=True).content.decode()
        again = client.post(here, follow=True).content.decode()
    share.refresh_from_db()
    assert share.withdrawn_at == IN_WEEK_2
    assert "from this moment on: they can open nothing" in page
    assert "was over already" in again


def test_no_page_of_somebody_else_opens(seat: Enrollment) -> None:
    share, other = a_share(seat), a_practising_member()
    proposal = a_proposal(share)
    with time_machine.travel(IN_WEEK_2, tick=False):
        client = signed_in(other)
        for whose in (seat, other):
            for name, more in (
                ("share", [share.public_id]),
                ("share_change", [share.public_id]),
                ("proposal", [proposal.public_id]),
            ):
                assert client.get(address(name, whose, *more)).status_code == 404
                assert client.post(address(name, whose, *more)).status_code == 404
    share.refresh_from_db()
    assert share.stands(IN_WEEK_2)


# --- Suggestions on the member's side ---------------------------------------------------


def decide(seat: Enrollment, proposal: Proposal, seen: int, answer: str = "accept") -> str:
    with time_machine.travel(IN_WEEK_2, tick=False):
        client = signed_in(seat)
        here = address("proposal", seat, proposal.public_id)
        client.get(here)
        page = client.post(here, {"seen": seen, answer: "1"}, follow=True)
        return page.content.decode()


def test_an_accepted_adaptation_is_added_to_the_plan(seat: Enrollment) -> None:
    plan = a_plan(seat, task="Begin with three letters")
    proposal = a_proposal(a_share(seat))
    assert "It is in your plan now" in decide(seat, proposal, 1)
    plan.refresh_from_db()
    proposal.refresh_from_db()
    assert plan.content["task"] == "Begin with three letters; Sit on a stool"
    assert plan.content["activity"] == "Open the post"
    assert (plan.revision, proposal.state) == (2, "accepted")


def test_an_accepted_activity_takes_the_place_and_the_old_one_stays_in_words(
    seat: Enrollment,
) -> None:
    plan = a_plan(seat)
    proposal = a_proposal(a_share(seat), kind="activity", text="Peel potatoes", way="")
    page = decide(seat, proposal, 1)
    plan.refresh_from_db()
    proposal.refresh_from_db()
    assert (plan.content["activity"], plan.content["tool"]) == ("Peel potatoes", "A timer")
    assert plan.content["area"] == ""  # it was that of the other activity
    assert Words.load(proposal.content).instead_of == "Open the post"
    assert "in place of: Open the post" in page


def test_what_was_said_of_the_old_activity_is_not_said_of_the_accepted_one(
    seat: Enrollment,
) -> None:
    plan = a_plan(seat, outcome="done", outcome_words="It was fine", task="Half of it")
    proposal = a_proposal(a_share(seat), kind="activity", text="Peel potatoes", way="")
    decide(seat, proposal, plan.revision)
    plan.refresh_from_db()
    assert Plan.load(plan.content) == Plan(
        skill="STOP",
        activity="Peel potatoes",
        when="Tuesday at the table",
        task="Half of it",
        tool="A timer",
    )


@pytest.mark.parametrize("kind", ["activity", "adaptation"])
def test_saying_yes_for_a_skipped_week_takes_it_up_and_the_page_says_so(
    seat: Enrollment, kind: str
) -> None:
    plan = a_plan(seat)
    way = "" if kind == "activity" else "task"
    proposal = a_proposal(a_share(seat), kind=kind, text="Peel potatoes", way=way)
    told = "You skipped this week. If you say yes, you take it up again."
    here = address("proposal", seat, proposal.public_id)
    with time_machine.travel(IN_WEEK_2, tick=False):
        assert told not in signed_in(seat).get(here).content.decode()
        WeekPlan.objects.filter(pk=plan.pk).update(skipped=True)
        assert told in signed_in(seat).get(here).content.decode()
    decide(seat, proposal, 1)
    plan.refresh_from_db()
    assert not plan.skipped


def test_a_suggestion_for_a_week_without_a_plan_makes_one(seat: Enrollment) -> None:
    proposal = a_proposal(a_share(seat), kind="activity", text="Peel potatoes", way="")
    decide(seat, proposal, 0)
    plan = WeekPlan.objects.get(enrollment=seat)
    assert (plan.week, Plan.load(plan.content)) == (2, Plan(activity="Peel potatoes"))
    assert plan.revision == 1


def test_a_plan_that_changed_meanwhile_is_looked_at_again(seat: Enrollment) -> None:
    plan = a_plan(seat)
    proposal = a_proposal(a_share(seat))
    WeekPlan.objects.filter(pk=plan.pk).update(revision=7)
    assert "has changed since you opened this page" in decide(seat, proposal, 1)
    proposal.refresh_from_db()
    plan.refresh_from_db()
    assert (proposal.state, plan.content["task"]) == ("open", "")


def test_there_has_to_be_room_in_the_plan(seat: Enrollment) -> None:
    a_plan(seat, task="x" * 995)
    proposal = a_proposal(a_share(seat))
    assert "1,000 characters" in decide(seat, proposal, 1)
    proposal.refresh_from_db()
    assert proposal.state == "open"


def test_a_no_changes_nothing(seat: Enrollment) -> None:
    plan = a_plan(seat)
    proposal = a_proposal(a_share(seat))
    assert "Your plan stays as it is" in decide(seat, proposal, 1, "decline")
    assert "answered this already" in decide(seat, proposal, 1)
    plan.refresh_from_db()
    assert (plan.content["task"], plan.revision) == ("", 1)


def test_after_the_consent_ended_nothing_is_taken_over(seat: Enrollment) -> None:
    plan = a_plan(seat)
    share = a_share(seat)
    proposal = a_proposal(share)
    sharing.withdraw(share=share, now=IN_WEEK_2)
    assert "do not share your plan with this person any more" in decide(seat, proposal, 1)
    plan.refresh_from_db()
    assert plan.revision == 1


def test_a_suggestion_that_is_erased_while_it_is_answered_does_not_exist(
    seat: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = a_share(seat)
    proposal, decides = a_proposal(share), proposals.decide

    def erased_first(**given: Any) -> Proposal:
        share.delete()
        return decides(**given)

    monkeypatch.setattr(proposals, "decide", erased_first)
    with time_machine.travel(IN_WEEK_2, tick=False):
        here = address("proposal", seat, proposal.public_id)
        assert signed_in(seat).post(here, {"seen": 0, "accept": "1"}).status_code == 404
    assert not WeekPlan.objects.exists()


def test_nobody_answers_for_another_member(seat: Enrollment) -> None:
    proposal, other = a_proposal(a_share(seat)), a_practising_member()
    comment = a_proposal(proposal.share, kind="comment", way="")
    for whose, what in ((other, proposal), (seat, comment)):
        for accept in (True, False):
            with pytest.raises(Proposal.DoesNotExist):
                proposals.decide(
                    enrollment=whose,
                    public_id=what.public_id,
                    accept=accept,
                    seen=0,
                    now=IN_WEEK_2,
                )
    assert not WeekPlan.objects.exists()


def test_a_comment_asks_for_no_answer(seat: Enrollment) -> None:
    proposal = a_proposal(a_share(seat), kind="comment", text="Well begun", way="")
    with time_machine.travel(IN_WEEK_2, tick=False):
        client = signed_in(seat)
        assert client.get(address("proposal", seat, proposal.public_id)).status_code == 404
        assert "Well begun" in client.get(address("sharing", seat)).content.decode()


# --- Whoever leads, and the goals -------------------------------------------------------


def test_the_member_chooses_what_whoever_leads_sees(seat: Enrollment) -> None:
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_leader", seat)
        client.post(here, {"parts": ["plan", "practised"]})
        assert SharedWithLeader.objects.get().parts == ["practised", "plan"]
        client.post(here, {})
        assert SharedWithLeader.objects.get().parts == []
        assert client.post(here, {"parts": ["everything"]}).status_code == 422
        assert "They see nothing" in client.get(address("sharing", seat)).content.decode()


BARE = "and nothing about what or how"


@pytest.mark.parametrize(
    ("parts", "on_the_hub"),
    [
        (None, f"sees whether you practiced this week, {BARE}. You can"),
        ([], "sees nothing of it. You can"),
        (["practised"], f"sees whether you practiced this week, {BARE}. You can"),
        (["plan"], "sees your plan of this week, and how it went. You can"),
        (
            ["practised", "plan", "goals"],
            "sees whether you practiced this week, and your plan of this week, and how it went, "
            "and your goals, and how far you are, without notes. You can",
        ),
    ],
)
def test_what_whoever_leads_sees_is_said_as_it_is(
    seat: Enrollment, parts: list[str] | None, on_the_hub: str
) -> None:
    if parts is not None:
        for_leaders.choose(enrollment=seat, parts=parts, now=IN_WEEK_2)
    with time_machine.travel(IN_WEEK_2, tick=False):
        client = signed_in(seat)
        assert on_the_hub in " ".join(said(client.get(address("hub", seat))).split())
        page = said(client.get(address("sharing", seat)))
    assert (BARE in page) is (parts in (None, ["practised"]))
    assert ("your plan of this week" in page) is ("plan" in (parts or []))


@pytest.mark.parametrize("over", ["left", "ended"])
def test_who_is_led_no_more_reads_nothing_about_whoever_leads(seat: Enrollment, over: str) -> None:
    now = IN_WEEK_2
    if over == "left":
        services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=now)
    else:
        now = session(seat.cohort, 12).ends_at
    with time_machine.travel(now, tick=False):
        client = signed_in(seat)
        pages = [said(client.get(address(name, seat))) for name in ("hub", "sharing")]
    for page in pages:
        assert "Whoever leads your group" not in page
    assert "Who works on which goal" in pages[1]


def test_the_member_chooses_who_works_on_a_goal(seat: Enrollment) -> None:
    goal, share = a_goal(seat), a_share(seat)
    without = a_share(seat, email="other@clinic.example", parts=["plan"])
    with time_machine.travel(IN_WEEK_2, tick=False):
        client, here = signed_in(seat), address("share_goals", seat)
        for typed, expected in (
            (str(share.public_id), share),
            (str(without.public_id), None),
            (str(uuid.uuid4()), None),
            ("", None),
        ):
            client.post(here, {f"goal-{goal.public_id}": typed})
            assert Goal.objects.get(pk=goal.pk).worked_on_with == expected


# --- Clear text -------------------------------------------------------------------------


def rows_with(word: str) -> set[str]:
    """The tables in which a word stands in the clear, whatever it means there."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s',  # noqa: S608  names
                [f"%{word}%"],
            )
            if cursor.fetchone()[0]:
                found.add(table)
    return found


def test_no_word_about_sharing_stands_in_the_clear(seat: Enrollment) -> None:
    typed = {
        **TYPED,
        "name": "Quokka",
        "email": "wombat@clinic.example",
        "sign": "1",
        "signature": "Numbat",
        "key": str(uuid.uuid4()),
        "terms": "1",
    }
    with time_machine.travel(IN_WEEK_2, tick=False):
        client = signed_in(seat)
        client.post(address("share_new", seat), typed)
        share = Share.objects.get()
        proposal = a_proposal(share, kind="activity", text="Bandicoot", way="")
        a_plan(seat, activity="Potoroo")
        client.post(address("proposal", seat, proposal.public_id), {"seen": "1", "accept": "1"})
        client.get(address("sharing", seat))
        deliver_due(clock=lambda: IN_WEEK_2)
    proposal.refresh_from_db()
    assert Words.load(proposal.content) == Words(text="Bandicoot", instead_of="Potoroo")
    for word in ("Quokka", "Numbat", "Bandicoot", "Potoroo"):
        assert rows_with(word) == set()
    # An account has its address in the clear, as every account's.
    assert rows_with("wombat") == {"accounts_user", "account_emailaddress"}


# --- Queries ----------------------------------------------------------------------------


def queries(client: Client, here: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(here).status_code == 200
    return len(asked)


def test_the_pages_ask_as_much_for_one_as_for_many(seat: Enrollment) -> None:
    share = a_share(seat)
    proposal = a_proposal(share)
    names = [
        ("sharing", ()),
        ("share_new", ()),
        ("share_leader", ()),
        ("share_goals", ()),
        ("share", (share.public_id,)),
        ("share_change", (share.public_id,)),
        ("proposal", (proposal.public_id,)),
    ]
    late = IN_WEEK_2 + dt.timedelta(weeks=10)
    with time_machine.travel(IN_WEEK_2, tick=False):
        client = signed_in(seat)
        client.get(address("sharing", seat))
        few = {name: queries(client, address(name, seat, *more)) for name, more in names}
    for number in range(3):
        other = a_share(seat, email=f"p{number}@clinic.example")
        for week in range(1, 13):
            a_proposal(other, week=week, now=late)
    for _ in range(3):
        a_goal(seat)
    with time_machine.travel(late, tick=False):
        client = signed_in(seat)
        client.get(address("sharing", seat))
        many = {name: queries(client, address(name, seat, *more)) for name, more in names}
    assert many == few
    # The session and the person are two of them.
    assert max(few.values()) <= 10


def test_names_that_later_versions_add_are_passed_over() -> None:
    assert Names.load({"name": "Sam", "later": 1}) == Names(name="Sam")
    assert Words.load({"text": "Sit", "later": 1}) == Words(text="Sit")
    assert Names.load(replace(Names(), email="a").dump()).email == "a"
