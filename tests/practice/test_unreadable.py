"""A value whose key is gone: what does not need it goes on, ending and erasing above all."""

import datetime as dt
import io
import json
import zipfile
from collections.abc import Iterator

import pytest
import structlog
import time_machine
from cryptography.fernet import Fernet
from django.db import models
from django.db.models.functions import Cast
from django.test import Client
from django.urls import reverse

from accounts import exports
from accounts.encryption import Unreadable
from accounts.models import Role
from practice import erasing, for_leaders
from practice.erasing import What
from practice.models import GoalRating, Profile, SharedWithLeader
from tests.accounts.people import make_person, sign_in_with_factor
from tests.enrollment.builders import a_confirmed_seat, a_led_group, a_member, session
from tests.practice.builders import IN_WEEK_2
from tests.practice.sharing import a_card, a_goal, a_plan, a_practitioner, a_proposal, a_share

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 10, 14)
KINDS = ["profile", "plan", "card", "goal", "rating", "share", "proposal"]


@pytest.fixture(autouse=True)
def week_2() -> Iterator[None]:
    with time_machine.travel(IN_WEEK_2, tick=False):
        yield


class Lived:
    """Somebody with one row of each kind, and another in the same group."""

    def __init__(self) -> None:
        self.leader = make_person(role=Role.FACILITATOR)
        self.cohort = a_led_group(self.leader)
        self.member = a_member(time_zone="America/New_York", display_name="Robin")
        self.seat = a_confirmed_seat(cohort=self.cohort, member=self.member)
        other = a_member(time_zone="America/New_York", display_name="Kim")
        self.other = a_confirmed_seat(cohort=self.cohort, member=other)
        a_card(self.other, DAY)
        self.practitioner = a_practitioner()
        self.share = a_share(self.seat, to=self.practitioner)
        goal = a_goal(self.seat)
        rated = {"level": 0, "words": "Twice", "note": ""}
        self.rows: dict[str, models.Model] = {
            "profile": Profile.objects.create(
                member=self.member, content={"home": {"well": "Cooking"}}, saved_at=IN_WEEK_2
            ),
            "plan": a_plan(self.seat, outcome="done"),
            "card": a_card(self.seat, DAY),
            "goal": goal,
            "rating": GoalRating.objects.create(
                goal=goal, week=1, content=rated, rated_by=self.member, rated_at=IN_WEEK_2
            ),
            "share": self.share,
            "proposal": a_proposal(self.share),
        }
        SharedWithLeader.objects.create(
            enrollment=self.seat, parts=["practised", "plan", "goals"], saved_at=IN_WEEK_2
        )
        self.client = Client(raise_request_exception=False)
        sign_in_with_factor(self.client, self.member)

    def lose_the_key_of(self, kind: str) -> None:
        row = self.rows[kind]
        gone = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
        # As it is stored: the field itself would encrypt it once more.
        raw = models.Value(gone, output_field=models.TextField())
        type(row)._base_manager.filter(pk=row.pk).update(content=Cast(raw, models.TextField()))

    def kept(self) -> list[str]:
        return [
            kind for kind, row in self.rows.items() if type(row)._base_manager.filter(pk=row.pk)
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_can_be_erased_also_what_no_key_opens(kind: str) -> None:
    lived = Lived()
    lived.lose_the_key_of(kind)
    seen = erasing.fingerprint(erasing.counts(member=lived.member))
    erasing.erase(member=lived.member, what=None, seen=seen, now=IN_WEEK_2, ip="")
    assert lived.kept() == []


@pytest.mark.parametrize("what", list(What))
def test_each_kind_can_be_erased_when_no_key_opens_any(what: What) -> None:
    lived = Lived()
    for kind in KINDS:
        lived.lose_the_key_of(kind)
    seen = erasing.fingerprint(erasing.counts(member=lived.member))
    erasing.erase(member=lived.member, what=what, seen=seen, now=IN_WEEK_2, ip="")
    assert erasing.counts(member=lived.member)[what] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_key_opens_says_so_in_the_export_and_the_rest_comes_along(kind: str) -> None:
    lived = Lived()
    whole = exports.everything_of(lived.member)["practice"]
    lived.lose_the_key_of(kind)
    packed = exports.archive(person=lived.member, practice_name="A", now=IN_WEEK_2)
    tables = json.loads(zipfile.ZipFile(io.BytesIO(packed)).read("practice.json"))
    gone = [
        row for rows in tables.values() for row in rows if row.get("content") == "could not be read"
    ]
    assert len(gone) == 1
    assert {name: len(rows) for name, rows in tables.items()} == {
        name: len(rows) for name, rows in whole.items()
    }
    assert [row["week"] for row in tables["plans"]] == [2]


def test_a_consent_whose_names_no_key_opens_is_shown_and_ended() -> None:
    lived = Lived()
    lived.lose_the_key_of("share")
    where = [lived.seat.public_id]
    overview = lived.client.get(reverse("practice:sharing", args=where))
    assert "A name that cannot be shown right now" in overview.content.decode()
    one = reverse("practice:share", args=[*where, lived.share.public_id])
    assert lived.client.get(one).status_code == 200
    assert lived.client.post(one).status_code == 302
    lived.share.refresh_from_db(fields=["withdrawn_at"])
    assert lived.share.withdrawn_at == IN_WEEK_2
    assert lived.client.get(one).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_leads_sees_the_others_of_the_group(kind: str) -> None:
    lived = Lived()
    lived.lose_the_key_of(kind)
    lines = for_leaders.list_for(
        session=session(lived.cohort, 3), reader=lived.leader, now=IN_WEEK_2
    )
    assert {line.name: line.practised for line in lines} == {"Kim": True, "Robin": True}


def test_with_no_value_to_read_nothing_is_said_of_a_member() -> None:
    lived = Lived()
    lived.lose_the_key_of("plan")
    lived.lose_the_key_of("card")
    lines = for_leaders.list_for(
        session=session(lived.cohort, 3), reader=lived.leader, now=IN_WEEK_2
    )
    assert {line.name: line.practised for line in lines} == {"Kim": True, "Robin": False}


def test_one_unreadable_consent_does_not_close_the_list_of_a_practitioner() -> None:
    lived = Lived()
    a_share(lived.other, to=lived.practitioner)
    lived.lose_the_key_of("share")
    client = Client(raise_request_exception=False)
    sign_in_with_factor(client, lived.practitioner)
    page = client.get(reverse("practice:care"))
    assert page.status_code == 200
    assert "Robin Lee" in page.content.decode()


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [
        ("plan", "hub", []),
        ("plan", "week", [2]),
        ("card", "diary", []),
        ("card", "diary_day", [DAY]),
        ("goal", "goals", []),
        ("rating", "goals", []),
        ("card", "progress", []),
        ("card", "plan_fhir", []),
    ],
)
def test_a_page_that_needs_the_value_says_kindly_that_nothing_is_lost(
    kind: str, name: str, more: list[object]
) -> None:
    lived = Lived()
    lived.lose_the_key_of(kind)
    with structlog.testing.capture_logs() as lines:
        page = lived.client.get(reverse(f"practice:{name}", args=[lived.seat.public_id, *more]))
    assert page.status_code == 503
    text = page.content.decode()
    assert "This page cannot be shown right now" in text
    assert "nothing is lost" in text
    assert reverse("practice:own_data") in text
    assert "no-store" in page["Cache-Control"]
    told = [line for line in lines if line["event"] == "value_unreadable"]
    assert [line["view"] for line in told] == [f"practice:{name}"]
    assert str(lived.seat.public_id) not in str(told)


def test_other_errors_are_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    lived = Lived()

    def broken(**_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(erasing, "counts", broken)
    assert lived.client.get(reverse("practice:own_data")).status_code == 500


def test_the_value_itself_is_never_handed_out() -> None:
    lived = Lived()
    lived.lose_the_key_of("card")
    with pytest.raises(Unreadable):
        type(lived.rows["card"])._base_manager.get(pk=lived.rows["card"].pk)
