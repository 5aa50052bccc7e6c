"""A practised week: a skill becomes a plan, is lived, shared, made easier, and taken back.

All of it in one go: the member and an occupational therapist on their pages, mails over SMTP, and
the clock moved from day to day.
"""

import datetime as dt
import html
import re
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from enrollment.models import Enrollment
from outbox.services import deliver_due
from practice import diary, week_plans
from practice.diary import Card
from practice.models import Goal, GoalRating, Proposal, Share
from tests.accounts.people import PASSWORD, app_shows
from tests.enrollment.pages import said
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
FIRST = dt.date(2026, 10, 14)
THERAPIST = "ora@clinic.example"
ACTIVITY = "Stop for one breath when something in the kitchen goes wrong"
EASIER = "Turn the radio off before you begin."
FIVE_DAYS = [
    (("STOP",), "Frying onions", 8, 5, "Burned them anyway"),
    ((), "", None, None, "A long day"),
    (("STOP", "Pros and cons"), "Unpacking the shopping", 6, 3, ""),
    (("STOP",), "", 7, 7, ""),
    (("Wise mind",), "Baking with my niece", 5, 2, "She laughed"),
]
NOTES = [words for *_, words in FIVE_DAYS if words]


@dataclass
class Life:
    """Two people with a browser each, the mailbox, and the time."""

    seat: Enrollment
    sink: SmtpSink
    clock: time_machine.Traveller
    member: Client
    therapist: Client

    def at(self, name: str, *more: object) -> str:
        return reverse(f"practice:{name}", args=[self.seat.public_id, *more])

    def mails(self, email: str) -> list[tuple[str, str]]:
        """Subject and text, after what is owed was sent."""
        deliver_due(clock=timezone.now)
        return [
            (
                str(one.message["subject"]),
                str(one.message.get_body(("plain",)).get_content()),  # type: ignore[union-attr]
            )
            for one in self.sink.messages
            if one.rcpt_tos == [email]
        ]


@pytest.fixture
def life(clock: time_machine.Traveller, smtp_sink: SmtpSink) -> Life:
    seat = a_practising_member(email="robin@example.org", display_name="Robin")
    member = Client()
    member.post(reverse("account_login"), {"login": seat.member.email, "password": PASSWORD})
    return Life(seat, smtp_sink, clock, member, Client())


def press(client: Client, path: str, button: str, **typed: Any) -> Any:
    """Open a page, fill its form in and press a button; what is hidden goes along as it stands."""
    page = opened(client, path).content.decode()
    return send(client, path, page, button, **typed)


def send(client: Client, path: str, page: str, button: str, **typed: Any) -> Any:
    """As `press`, from a page that was opened before."""
    forms = re.findall(r"<form\b.*?</form>", page, re.DOTALL)
    form = next(one for one in forms if re.search(f"<button[^>]*>{button}", one))
    kept = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    hidden: dict[str, Any] = {}
    for name, value in kept:
        hidden.setdefault(name, []).append(html.unescape(value))
    named = re.search(rf'<button[^>]*name="(\w+)"[^>]*>{button}', form)
    pressed = {named[1]: "1"} if named else {}
    return client.post(path, {**hidden, **typed, **pressed}, follow=True)


def opened(client: Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer


def test_a_week_is_planned_lived_shared_made_easier_and_taken_back(life: Life) -> None:
    plans_the_week(life)
    notes_five_days(life)
    aims(life)
    share = invites(life)
    comes_in(life, share)
    suggests_and_rates(life, share)
    accepts(life)
    reads_the_log(life)
    takes_it_back(life, share)


def plans_the_week(life: Life) -> None:
    hub = said(opened(life.member, life.at("hub")))
    assert "Week 2: Getting through a hard minute STOP" in hub
    made = press(
        life.member,
        life.at("week", 2),
        "Save the plan",
        skill="STOP",
        activity="home-0",
        when="While cooking on Tuesday",
        tool="A note on the hood",
        sure="6",
    )
    assert "Your plan is saved." in said(made)
    assert f"What {ACTIVITY} When and where While cooking on Tuesday" in said(made)
    assert "Would a smaller step help?" in said(made)


def notes_five_days(life: Life) -> None:
    for number, (skills, activity, before, after, note) in enumerate(FIVE_DAYS):
        life.clock.move_to(IN_WEEK_2 + number * DAY)
        typed = {
            "skills": list(skills),
            "activity": activity,
            "before": "" if before is None else str(before),
            "after": "" if after is None else str(after),
            "note": note,
        }
        here = life.at("diary_day", FIRST + number * DAY)
        assert "Saved." in press(life.member, here, "Save", **typed).content.decode()
    entries = diary.entries_of(enrollment=life.seat)
    assert [Card.load(entry.content) for entry in entries.values()] == [
        Card(skills=skills, activity=activity, before=before, after=after, note=note)
        for skills, activity, before, after, note in FIVE_DAYS
    ]


def aims(life: Life) -> None:
    words = {
        "title": "Cook dinner at home",
        "expected": "On two evenings",
        "more": "On three evenings",
        "less": "On one evening",
    }
    done = press(life.member, life.at("goal_new"), "Save the goal", **words)
    assert "Your goal is saved" in said(done)


def invites(life: Life) -> Share:
    """An occupational therapist whom nobody here knows."""
    choice = {
        "name": "Ora Lindqvist",
        "email": THERAPIST,
        "role": "ot",
        "parts": ["plan", "diary", "goals", "attendance"],
        "until": "2027-01-31",
    }
    here = life.at("share_new")
    preview = life.member.post(here, choice)
    assert "Look before you sign" in said(preview)
    assert not Share.objects.exists()
    signed = send(
        life.member, here, preview.content.decode(), "Sign and invite", signature="Robin Lee"
    )
    assert "You have signed." in said(signed)
    return Share.objects.get()


def comes_in(life: Life, share: Share) -> None:
    """By the mail's link, a code, and a second step set up on the way."""
    ((subject, text),) = life.mails(THERAPIST)
    assert subject == "You are invited to look at a plan"
    for private in ("Robin", "Lindqvist", "skill", "STOP", ACTIVITY, "therap", "diary", "goal"):
        assert private.casefold() not in f"{subject} {text}".casefold()
    link = re.search(r"/care/[0-9a-f-]{36}/", text)
    assert link
    assert link[0] == reverse("practice:care_overview", args=[share.public_id])
    therapist, here = life.therapist, link[0]
    assert reverse("account_login") in therapist.get(here)["Location"]
    ask = reverse("account_request_login_code")
    confirm = therapist.post(f"{ask}?next={here}", {"email": THERAPIST, "next": here})["Location"]
    _, (subject, text) = life.mails(THERAPIST)
    code = re.search(r"^ {4}(\S+)\r?$", text, re.MULTILINE)
    assert code
    assert (code[1] in subject, "plan" in subject) == (False, False)
    therapist.post(confirm, {"code": code[1], "next": here})
    set_up = reverse("mfa_activate_totp")
    assert therapist.get(here)["Location"] == set_up
    secret = therapist.get(set_up).context["form"].secret
    therapist.post(set_up, {"code": app_shows(secret)})
    assert "Robin Lee" in said(opened(therapist, here))


def care(share: Share, part: str) -> str:
    return reverse(f"practice:care_{part}", args=[share.public_id])


def suggests_and_rates(life: Life, share: Share) -> None:
    plan = said(opened(life.therapist, care(share, "plan")))
    assert (ACTIVITY in plan, "A note on the hood" in plan) == (True, True)
    summary = opened(life.therapist, care(share, "diary")).content.decode()
    assert [note for note in NOTES if note in summary] == []
    written = press(
        life.therapist,
        care(share, "plan"),
        "Send it",
        week="2",
        kind="adaptation",
        way="place",
        text=EASIER,
    )
    assert "Not answered yet" in said(written)
    life.clock.shift(dt.timedelta(minutes=7))
    agreed = press(life.therapist, care(share, "goals"), "We agreed on these steps")
    assert "The five steps are agreed on." in said(agreed)
    rated = press(
        life.therapist, care(share, "goals"), "Save the rating", level="-1", note="Thought of it"
    )
    assert "Week 1: \u22121, a little less than expected Thought of it" in said(rated)
    # The member reads the same, and may say otherwise.
    assert "Thought of it" in said(opened(life.member, life.at("goals")))
    goal = Goal.objects.get()
    look = life.at("goal_look", goal.public_id, 1)
    press(life.member, look, "Save", level="0", note="Twice, with music")
    assert "Twice, with music" in said(opened(life.therapist, care(share, "goals")))
    assert GoalRating.objects.get().rated_by == life.seat.member


def accepts(life: Life) -> None:
    hub = opened(life.member, life.at("hub")).content.decode()
    assert "Ora Lindqvist suggests something for week 2" in hub
    here = life.at("proposal", Proposal.objects.get().public_id)
    question = said(opened(life.member, here))
    assert f"In your plan now Nothing written If you say yes {EASIER}" in question
    done = press(life.member, here, "Yes, put it into my plan")
    assert "It is in your plan now." in said(done)
    plan = week_plans.plan_of(enrollment=life.seat, week=2).plan
    assert (plan.activity, plan.place, plan.tool) == (ACTIVITY, EASIER, "A note on the hood")
    assert f"The place {EASIER}" in said(opened(life.member, life.at("week", 2)))


def reads_the_log(life: Life) -> None:
    page = opened(life.member, life.at("sharing")).content.decode()
    log = re.search(r'<ul class="list view-log">(.*?)</ul>', page, re.DOTALL)
    assert log
    assert re.findall(r"<li>(.*?)</li>", log[1]) == [
        "Ora Lindqvist opened your goals on Sunday, 12:07 PM Eastern",
        "Ora Lindqvist opened the summary of your diary on Sunday, 12:00 PM Eastern",
        "Ora Lindqvist opened your plan on Sunday, 12:00 PM Eastern",
    ]


def takes_it_back(life: Life, share: Share) -> None:
    """What the therapist has open is a page of the past: none of its presses does anything."""
    plan = opened(life.therapist, care(share, "plan")).content.decode()
    goals = opened(life.therapist, care(share, "goals")).content.decode()
    ended = press(life.member, life.at("share", share.public_id), "End it now")
    assert "This has ended, from this moment on" in said(ended)
    before = snapshot()
    presses = [
        send(
            life.therapist,
            care(share, "plan"),
            plan,
            "Send it",
            week="2",
            kind="comment",
            text="Too late",
        ),
        send(
            life.therapist,
            care(share, "goals"),
            goals,
            "Save the rating",
            level="2",
            note="Too late",
        ),
        *(life.therapist.get(care(share, part)) for part in ("overview", "plan", "diary", "goals")),
        life.therapist.get(care(share, "attendance")),
    ]
    for answer in presses:
        assert answer.status_code == 404
        assert "We can\u2019t find this page" in said(answer)
        assert "Robin" not in answer.content.decode()
    assert snapshot() == before
    empty = said(opened(life.therapist, reverse("practice:care")))
    assert "Robin" not in empty


def snapshot() -> list[Any]:
    """All that a press of the therapist could have changed."""
    return [
        list(rows.order_by("pk").values())
        for rows in (Proposal.objects, Goal.objects, GoalRating.objects, AuditEntry.objects)
    ]
