"""Taking along everything that is mine, and having what I wrote erased."""

import datetime as dt
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import audit, exports
from accounts.models import Action, AuditEntry, Role, Subject
from billing import ledger
from billing.models import Payment
from enrollment.models import Absence, Attendance, Enrollment
from practice import erasing
from practice.changes import ChangedMeanwhile
from practice.diary import Card
from practice.erasing import ROWS, What
from practice.goals import Aim, Reached
from practice.models import (
    DiaryEntry,
    Goal,
    GoalRating,
    Profile,
    Proposal,
    Share,
    SharedWithLeader,
    WeekPlan,
)
from practice.views.own_data import ERASED
from tests.accounts.people import make_person, prove
from tests.enrollment.builders import NOW, session
from tests.enrollment.pages import said
from tests.practice import lived
from tests.practice.builders import IN_WEEK_2, a_practising_member

pytestmark = pytest.mark.django_db

PRACTICE = [
    Profile,
    WeekPlan,
    DiaryEntry,
    Goal,
    GoalRating,
    Share,
    SharedWithLeader,
    Proposal,
]


@pytest.fixture(autouse=True)
def week_2() -> Iterator[None]:
    with time_machine.travel(IN_WEEK_2, tick=False):
        yield


def busy(word: str, days: int = 3) -> Enrollment:
    """Somebody with a row in every table of the room, each with that word; who came, and paid."""
    seat = a_practising_member(email=f"{word}@example.org", display_name=word.title())
    said_now = {"content": {"note": word}, "saved_at": NOW}
    Profile.objects.create(member=seat.member, **said_now)
    for number in range(1, days + 1):
        WeekPlan.objects.create(enrollment=seat, week=number, **said_now)
        DiaryEntry.objects.create(
            enrollment=seat, day=dt.date(2026, 10, 5 + number), replaced={"note": word}, **said_now
        )
    practitioner = make_person(f"ot-of-{word}@example.org", role=Role.PRACTITIONER)
    share = Share.objects.create(
        enrollment=seat,
        practitioner=practitioner,
        role="ot",
        parts=["plan"],
        content={"name": word},
        terms_version=1,
        signed_at=NOW,
        ends_at=NOW + dt.timedelta(days=90),
    )
    goal = Goal.objects.create(
        enrollment=seat,
        slot=1,
        made_at=NOW,
        worked_on_with=share,
        agreed_by=practitioner,
        **said_now,
    )
    GoalRating.objects.create(goal=goal, week=1, content={"note": word}, rated_at=NOW)
    SharedWithLeader.objects.create(enrollment=seat, parts=["plan"], saved_at=NOW)
    Proposal.objects.create(
        share=share, week=1, kind="comment", content={"text": word}, made_at=NOW
    )
    audit.record(
        actor=practitioner,
        action=Action.SHARED_PLAN_READ,
        subject_kind=Subject.SHARE,
        subject_id=share.public_id,
        now=NOW,
    )
    first, second = session(seat.cohort, 1), session(seat.cohort, 2)
    Attendance.objects.create(
        enrollment=seat, session=first, arrived_at=first.starts_at, location="NY"
    )
    Absence.objects.create(enrollment=seat, session=second, starts_at=second.starts_at, said_at=NOW)
    payment = Payment.objects.create(
        enrollment=seat, amount_cents=29_900, currency="usd", paid_at=NOW
    )
    ledger.post_charge(payment=payment, at=NOW)
    return seat


def unpacked(packed: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        assert files.testzip() is None
        return {
            name: json.loads(files.read(name))
            for name in files.namelist()
            if name.endswith(".json")
        }


def erase(seat: Enrollment, what: What | None) -> None:
    seen = erasing.fingerprint(erasing.counts(member=seat.member))
    erasing.erase(member=seat.member, what=what, seen=seen, now=IN_WEEK_2, ip="203.0.113.7")


def of(seat: Enrollment, model: type[Any]) -> int:
    ways = {
        Profile: "member",
        GoalRating: "goal__enrollment__member",
        Proposal: "share__enrollment__member",
    }
    way = ways.get(model, "enrollment__member")
    found = model.objects.filter(**{way: seat.member})
    if model is SharedWithLeader:  # that nothing is shown stays, and is no word of theirs
        found = found.exclude(parts=[])
    number: int = found.count()
    return number


# --- Taking it along --------------------------------------------------------------------


def test_the_archive_holds_every_row_of_mine_and_none_of_anothers(client: Client) -> None:
    mine, theirs = busy("canary"), busy("stranger", days=2)
    prove(client, mine.member)
    answer = client.get(reverse("practice:download"))
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"] == 'attachment; filename="my-data.zip"'
    assert "no-store" in answer["Cache-Control"]
    found = unpacked(answer.content)
    assert {name: len(rows) for name, rows in found["practice.json"].items()} == {
        "profile": 1,
        "plans": 3,
        "diary": 3,
        "goals": 1,
        "ratings": 1,
        "shared_with_practitioners": 1,
        "shared_with_who_leads": 1,
        "proposals": 1,
        "who_opened_what": 1,
    }
    [ledger_line] = found["payments.json"]["ledger"]
    assert (ledger_line["kind"], ledger_line["amount_cents"]) == ("charge", 29_900)
    [answers] = found["groups.json"]["answers"]
    assert answers["answers"]["legal_name"] == "Samira Ruth Okafor"
    assert len(found["groups.json"]["arrivals"]) == 1
    assert len(found["groups.json"]["absences"]) == 1
    assert len(found["groups.json"]["agreements"]) == mine.consents.count() > 0
    assert found["account.json"]["account"][0]["email"] == "canary@example.org"
    assert found["mails.json"]["mails"][0]["kind"]
    text = json.dumps(found)
    assert "canary" in text
    assert "stranger" not in text.lower()
    assert str(theirs.public_id) not in text
    for key in (mine.door_token, mine.member.password):
        assert key not in text


def test_what_is_in_it_is_what_the_pages_saved() -> None:
    seat = a_practising_member()
    lived.a_plan(seat, 1, sure=8, tool="A timer", outcome="partly", outcome_words="It was fine")
    lived.a_card(seat, 0, activity="Open the post", note="Mine")
    lived.rates(lived.a_goal(seat), 1, -1, "Together")
    leader = make_person("leads@example.org", display_name="Dana")
    audit.record(
        actor=leader,
        action=Action.PRACTICE_READ,
        subject_kind=Subject.PRACTICE,
        subject_id=seat.pk,
        now=NOW,
    )
    packed = exports.archive(person=seat.member, practice_name="Grouport", now=IN_WEEK_2)
    found = unpacked(packed)["practice.json"]
    [plan], [day], [goal], [rating], [look] = (
        found[name] for name in ("plans", "diary", "goals", "ratings", "who_opened_what")
    )
    assert plan["content"] == {
        "skill": "STOP",
        "activity": "Open the post",
        "area": "home",
        "when": "",
        "task": "",
        "place": "",
        "tool": "A timer",
        "person": "",
        "sure": 8,
        "outcome": "partly",
        "outcome_words": "It was fine",
    }
    noted = Card(skills=("STOP",), activity="Open the post", before=7, after=4, note="Mine")
    assert day["content"] == noted.dump()  # and no word of the page that saved it
    assert Aim.load(goal["content"]) == lived.COOK
    assert Reached.load(rating["content"]) == Reached(
        level=-1, words=lived.COOK.at(-1), note="Together"
    )
    assert (look["action"], look["by"]) == (Action.PRACTICE_READ, "Dana")


def test_an_address_that_was_not_typed_is_not_in_it(client: Client) -> None:
    # Somebody shares with one address of a person: theirs to sign in with may be another.
    mine = busy("canary")
    prove(client, mine.member)
    found = unpacked(client.get(reverse("practice:download")).content)
    [share] = found["practice.json"]["shared_with_practitioners"]
    assert share["content"] == {"name": "canary"}
    assert "ot-of-canary" not in json.dumps(found["practice.json"])


def test_what_is_in_it_is_counted_as_in_the_tables() -> None:
    mine = busy("canary")
    busy("stranger")
    for room in exports.rooms():
        for table in room.tables:
            rows, stored = table.rows(mine.member), table.of(mine.member)
            assert len(rows) == stored.count(), table.name


# What has no file of its own, and why.
LEFT_OUT = {
    "group_sessions.*": "what groups do, not people; who leads what is their work",
    "enrollment.Seat": "its number stands with the group",
    "enrollment.Register": "a leader's work",
    "enrollment.GroupMessage": "a leader's words to a whole group; its mails are listed",
    "billing.StripeEvent": "what Stripe announced: ids only",
    "billing.RefundDecision": "staff's work; what came of it are the refunds",
    "billing.RefundRun": "staff's work about a group",
    "billing.RunItem": "staff's work; what came of it are the refunds",
    "billing.InstalmentTry": "a try of a card; what came of it are the payments",
    "billing.PromotionCode": "the practice's",
    "billing.Reconciliation": "the practice's books",
    "billing.Difference": "the practice's books",
}


def test_every_table_is_taken_along_or_named_as_left_out() -> None:
    person = make_person()
    exported = {table.of(person).model._meta.label for r in exports.rooms() for table in r.tables}
    rooms = ("accounts", "outbox", "group_sessions", "enrollment", "billing", "practice")
    ours = {
        "group_sessions.*" if model._meta.app_label == "group_sessions" else model._meta.label
        for room in rooms
        for model in apps.get_app_config(room).get_models()
    }
    assert ours - exported == LEFT_OUT.keys()


def test_nothing_is_written_on_the_servers_disk(client: Client) -> None:
    mine = busy("canary")
    prove(client, mine.member)
    written: list[str] = []
    watching = True

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if watching and event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
            written.append(str(args[0]))

    sys.addaudithook(watch)
    answer = client.get(reverse("practice:download"))
    watching = False
    assert len(answer.content) > 1_000
    assert written == []


def test_it_asks_no_more_with_more_rows(client: Client) -> None:
    counts = []
    for word, days in (("few", 1), ("many", 12)):
        member = busy(word, days=days).member
        prove(client, member)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(reverse("practice:download")).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["practice:download", "practice:plan_fhir", "practice:erase"])
def test_an_open_session_alone_takes_and_erases_nothing(name: str, client: Client) -> None:
    mine = busy("canary")
    client.force_login(mine.member)
    args: dict[str, list[Any]] = {
        "practice:erase": ["everything"],
        "practice:plan_fhir": [mine.public_id],
    }
    path = reverse(name, args=args.get(name, []))
    seen = erasing.fingerprint(erasing.counts(member=mine.member))
    for ask in (client.get, client.post):
        answer = ask(path, {"seen": seen})
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert all(of(mine, model) for model in PRACTICE)


def test_the_file_for_a_clinic_is_found_here_and_not_on_the_hub(client: Client) -> None:
    mine = busy("canary")
    client.force_login(mine.member)
    path = reverse("practice:plan_fhir", args=[mine.public_id])
    page = client.get(reverse("practice:own_data")).content.decode()
    assert f'<a href="{path}">Download it: {mine.cohort.name}</a>' in page
    assert "FHIR" not in page
    hub = client.get(reverse("practice:hub", args=[mine.public_id])).content.decode()
    assert path not in hub
    assert "FHIR" not in hub
    assert 'href="/my/data/"' in hub


def test_with_a_proof_too_nobody_takes_the_file_of_somebody_else(client: Client) -> None:
    mine = busy("canary")
    prove(client, make_person("stranger@example.org"))
    assert client.get(reverse("practice:plan_fhir", args=[mine.public_id])).status_code == 404


def test_the_profile_leads_there(client: Client) -> None:
    client.force_login(busy("canary").member)
    assert 'href="/my/data/"' in client.get(reverse("accounts:profile")).content.decode()


# --- Having it erased -------------------------------------------------------------------

GONE: dict[What, set[type[Any]]] = {
    What.PROFILE: {Profile},
    What.PLANS: {WeekPlan, Proposal},
    What.DIARY: {DiaryEntry},
    What.GOALS: {Goal, GoalRating},
    What.SHARING: {Share, SharedWithLeader, Proposal},
}


@pytest.mark.parametrize("what", What)
def test_one_kind_is_erased_and_the_others_stay(what: What) -> None:
    mine, theirs = busy("canary"), busy("stranger")
    erase(mine, what)
    assert {model for model in PRACTICE if not of(mine, model)} == GONE[what]
    assert all(of(theirs, model) for model in PRACTICE)


def test_after_erasing_everything_no_row_with_anything_in_it_is_left() -> None:
    mine, theirs = busy("canary"), busy("stranger")
    erase(mine, None)
    assert [of(mine, model) for model in PRACTICE] == [0] * len(PRACTICE)
    assert [row.parts for row in SharedWithLeader.objects.filter(enrollment=mine)] == [[]]
    assert all(of(theirs, model) for model in PRACTICE)


def test_every_table_of_the_room_is_erased_with_everything() -> None:
    person = make_person()
    erased = {rows(person).model for all_rows in ROWS.values() for rows in all_rows}
    assert erased == set(apps.get_app_config("practice").get_models())


def test_money_and_attendance_stay_and_the_log_keeps_that_it_happened() -> None:
    mine = busy("canary")
    erase(mine, None)
    assert Attendance.objects.filter(enrollment=mine).count() == 1
    assert Payment.objects.filter(enrollment=mine).count() == 1
    entry = AuditEntry.objects.order_by("pk").last()
    assert entry is not None
    assert (entry.actor, entry.action) == (mine.member, Action.PRACTICE_ERASED)
    assert (entry.subject_kind, entry.subject_id) == (Subject.PRACTICE, str(mine.pk))
    assert AuditEntry.objects.filter(action=Action.SHARED_PLAN_READ).exists()
    assert audit.check().flaw == ""


def test_what_was_saved_since_the_page_was_opened_is_not_erased_unseen() -> None:
    mine = busy("canary")
    seen = erasing.fingerprint(erasing.counts(member=mine.member))
    DiaryEntry.objects.create(
        enrollment=mine, day=dt.date(2026, 10, 13), content={"note": "new"}, saved_at=NOW
    )
    with pytest.raises(ChangedMeanwhile):
        erasing.erase(member=mine.member, what=What.DIARY, seen=seen, now=IN_WEEK_2, ip="")
    assert of(mine, DiaryEntry) == 4


def test_nothing_is_noted_where_there_was_nothing() -> None:
    mine = a_practising_member()
    erase(mine, None)
    assert not AuditEntry.objects.exists()


# --- The pages --------------------------------------------------------------------------


def test_the_look_says_what_stays_in_amounts_and_dates(client: Client) -> None:
    mine = busy("canary")
    prove(client, mine.member)
    words = said(client.get(reverse("practice:erase", args=["everything"])))
    assert "Paid: $299.00 on September 29, 2026, for Tuesday evenings." in words
    assert (
        "Your place in Tuesday evenings since September 29, 2026, what you agreed to, and which "
        "sessions you came to (1 so far)." in words
    )
    assert "Your answers to our questions before your first group." in words
    assert "Whoever you share with sees nothing any more, from the moment you press." in words


def test_from_the_look_to_an_empty_room(client: Client) -> None:
    mine = busy("canary")
    prove(client, mine.member)
    path = reverse("practice:erase", args=["diary"])
    look = client.get(path)
    DiaryEntry.objects.create(
        enrollment=mine, day=dt.date(2026, 10, 13), content={"note": "new"}, saved_at=NOW
    )
    answer = client.post(path, {"seen": look.context["seen"]}, follow=True)
    assert "Something was saved since you opened the page, so nothing was erased." in said(answer)
    answer = client.post(path, {"seen": answer.context["seen"]})
    assert answer["Location"] == reverse("practice:own_data")
    assert answer["Clear-Site-Data"] == '"storage"'
    words = said(client.get(answer["Location"]))
    assert "Your diary is erased." in words
    words = words.replace("Your diary is erased.", "")
    assert "Your diary" not in words.replace("your look at your daily life, plans, diary", "")
    assert "Your goals" in words
    assert "Nothing to erase" in said(client.get(path))


@pytest.mark.parametrize("what", list(What))
def test_the_page_and_the_answer_name_what_is_erased(what: What, client: Client) -> None:
    prove(client, busy("egret").member)
    here = reverse("practice:erase", args=[what])
    page = client.get(here).content.decode()
    assert f"<h1>Erase {what.label.lower()}?</h1>" in page
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen
    answer = client.post(here, {"seen": seen[1]}, follow=True).content.decode()
    assert str(ERASED[what]) in answer
    assert "It is erased" not in answer


def test_what_goes_of_the_looks_and_what_stays_is_told_apart(client: Client) -> None:
    prove(client, busy("heron").member)
    page = client.get(reverse("practice:erase", args=[What.SHARING])).content.decode()
    assert "Your page no longer lists when the people you invited looked." in page
    assert "A security log that only our staff can read keeps who looked and when." in page
    assert "On your page, when whoever leads your group opened something." in page
    assert "The accounts of the people you invited, and that a mail went to them." in page
    assert "sees nothing of your practice, not even whether you practiced." in page
    assert "What they noted when they rated a goal with you." in page
    everything = client.get(reverse("practice:erase", args=["everything"])).content.decode()
    assert "that a mail went to them" in everything
    assert "when they rated a goal with you" not in everything
    diary = client.get(reverse("practice:erase", args=[What.DIARY])).content.decode()
    assert "Of what you shared" not in diary


def test_after_erasing_what_is_shared_the_looks_of_who_leads_stay_and_no_others() -> None:
    mine = busy("heron")
    leader = make_person("leads@example.org", display_name="Dana")
    audit.record(
        actor=leader,
        action=Action.PRACTICE_READ,
        subject_kind=Subject.PRACTICE,
        subject_id=mine.pk,
        now=NOW,
    )
    client = Client()
    client.force_login(mine.member)
    here = reverse("practice:sharing", args=[mine.public_id])
    led, shared = "Dana opened what you share with whoever leads", "heron opened your plan"
    words = said(client.get(here))
    assert (led in words, shared in words) == (True, True)
    erase(mine, What.SHARING)
    words = said(client.get(here))
    assert (led in words, shared in words) == (True, False)


@pytest.mark.parametrize("what", ["diary", "sharing", "everything"])
def test_a_second_press_says_the_same_and_no_warning(what: str, client: Client) -> None:
    mine = busy("canary")
    prove(client, mine.member)
    path = reverse("practice:erase", args=[what])
    seen = {"seen": client.get(path).context["seen"]}
    answers = [client.post(path, seen) for _ in range(2)]
    assert {answer["Location"] for answer in answers} == {reverse("practice:own_data")}
    words = said(client.get(answers[1]["Location"]))
    assert ERASED[None if what == "everything" else What(what)] in words
    assert "nothing was erased" not in words
    erased = AuditEntry.objects.filter(action=Action.PRACTICE_ERASED)
    assert erased.count() == 1


def test_ones_data_lead_back_to_the_practice(client: Client) -> None:
    seat = busy("ibis")
    client.force_login(seat.member)
    page = client.get(reverse("practice:own_data")).content.decode()
    assert reverse("practice:hub", args=[seat.public_id]) in page


@pytest.mark.parametrize("seen", ["", "a\0b", "9" * 5_000, "-1-0", "\u202e1"])
def test_a_page_that_showed_something_else_erases_nothing(seen: str, client: Client) -> None:
    mine = busy("canary")
    prove(client, mine.member)
    path = reverse("practice:erase", args=["everything"])
    assert client.post(path, {"seen": seen})["Location"] == path
    assert all(of(mine, model) for model in PRACTICE)


def test_what_there_is_not_is_not_found(client: Client) -> None:
    prove(client, busy("canary").member)
    assert client.get(reverse("practice:erase", args=["billing"])).status_code == 404


def test_the_pages_ask_no_more_with_more_rows(client: Client) -> None:
    for name, args in (("own_data", []), ("erase", ["everything"])):
        counts = []
        for word, days in ((f"few{name}", 1), (f"many{name}", 12)):
            prove(client, busy(word.replace("_", ""), days=days).member)
            with CaptureQueriesContext(connection) as asked:
                assert client.get(reverse(f"practice:{name}", args=args)).status_code == 200
            counts.append(len(asked))
        assert counts[0] == counts[1] <= 8


def test_who_was_never_in_a_group_may_look_too(client: Client) -> None:
    client.force_login(make_person("new@example.org"))
    assert "There is nothing to erase" in said(client.get(reverse("practice:own_data")))
