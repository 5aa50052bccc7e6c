"""Sharing by pages that are older than what they are about, and by somebody in a hurry."""

import datetime as dt
import uuid
import zoneinfo
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from enrollment.models import Enrollment
from outbox.models import Message, State
from outbox.services import deliver_due
from practice import erasing, proposals, shared, sharing
from practice.erasing import What
from practice.inviting import INVITATION
from practice.models import Goal, Part, Share
from practice.sharing import Refused
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import (
    a_choice,
    a_goal,
    a_practitioner,
    a_proposal,
    a_share,
    a_signature,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


@pytest.fixture
def client(seat: Enrollment) -> Client:
    signed_in = Client()
    signed_in.force_login(seat.member)
    return signed_in


def typed(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Sam",
        "email": "sam@clinic.example",
        "role": "ot",
        "parts": ["plan"],
        "until": "2027-01-31",
        "sign": "1",
        "signature": "Robin Lee",
        "key": str(uuid.uuid4()),
        "terms": "1",
        **fields,
    }


def test_an_address_longer_than_an_account_takes_is_refused_kindly(
    client: Client, seat: Enrollment
) -> None:
    long = "a" * 60 + "@" + ".".join(["b" * 60] * 4) + ".example"
    page = client.post(reverse("practice:share_new", args=[seat.public_id]), typed(email=long))
    assert page.status_code == 422
    assert "Use at most 254 characters." in page.content.decode()
    assert long in page.content.decode()


def test_an_older_page_gives_nobody_another_goal(client: Client, seat: Enrollment) -> None:
    share, shown = a_share(seat), a_goal(seat)
    here = reverse("practice:share_goals", args=[seat.public_id])
    assert f'name="goal-{shown.public_id}"' in client.get(here).content.decode()
    Goal.objects.filter(pk=shown.pk).update(ended_at=IN_WEEK_2)
    other = a_goal(seat)
    client.post(here, {f"goal-{shown.public_id}": str(share.public_id)})
    other.refresh_from_db()
    assert other.worked_on_with is None
    # And what it does not name stays with whom it was.
    sharing.work_on(enrollment=seat, chosen={other.public_id: share})
    client.post(here, {f"goal-{shown.public_id}": ""})
    other.refresh_from_db()
    assert other.worked_on_with == share


def test_an_older_signature_pressed_again_says_that_it_ended(
    client: Client, seat: Enrollment
) -> None:
    here, pressed = reverse("practice:share_new", args=[seat.public_id]), typed()
    assert client.post(here, pressed).status_code == 302
    assert client.post(here, pressed).status_code == 302
    sharing.withdraw(share=Share.objects.get(), now=IN_WEEK_2)
    again = client.post(here, pressed)
    assert again.status_code == 422
    assert "This was ended meanwhile" in again.content.decode()
    assert not Share.objects.standing(IN_WEEK_2).exists()


def test_a_part_that_is_opened_before_the_overview_accepts_the_invitation(
    seat: Enrollment,
) -> None:
    share = a_share(seat, to=a_practitioner())
    look: dict[str, Any] = {
        "public_id": share.public_id,
        "reader": share.practitioner,
        "part": Part.PLAN,
    }
    for now in (IN_WEEK_2, IN_WEEK_2 + HOUR):
        with shared.opened(**look, now=now):
            pass
        share.refresh_from_db()
        assert share.accepted_at == IN_WEEK_2


# --- One invitation a day ----------------------------------------------------------------


def sent(now: dt.datetime) -> list[int]:
    deliver_due(clock=lambda: now)
    found = Message.objects.filter(kind=INVITATION, state=State.SENT)
    return list(found.order_by("pk").values_list("subject_id", flat=True))


def test_signing_and_ending_again_sends_one_mail_a_day(seat: Enrollment) -> None:
    first = a_share(seat)
    assert sent(IN_WEEK_2) == [first.pk]
    for hour in range(1, 5):
        now = IN_WEEK_2 + hour * HOUR
        sharing.withdraw(share=Share.objects.latest("pk"), now=now)
        last = a_share(seat, now=now)
        assert sent(now) == [first.pk]
    assert sent(IN_WEEK_2 + DAY) == [first.pk, last.pk]
    assert sent(IN_WEEK_2 + 3 * DAY) == [first.pk, last.pk]


def test_a_change_within_a_day_is_told_the_day_after(seat: Enrollment) -> None:
    first = a_share(seat)
    sent(IN_WEEK_2)
    new = sharing.change(
        share=first, choice=a_choice(), signature=a_signature(), now=IN_WEEK_2 + HOUR
    )
    assert sent(IN_WEEK_2 + HOUR) == [first.pk]
    assert sent(IN_WEEK_2 + DAY) == [first.pk, new.pk]


def test_another_member_and_another_address_are_written_to_at_once(seat: Enrollment) -> None:
    shares = [a_share(seat), a_share(seat, email="kim@clinic.example")]
    sent(IN_WEEK_2)
    shares.append(a_share(a_practising_member(display_name="Lou")))
    assert sent(IN_WEEK_2) == [share.pk for share in shares]


def test_an_invitation_that_never_went_out_holds_back_none(seat: Enrollment) -> None:
    sharing.withdraw(share=a_share(seat), now=IN_WEEK_2)
    share = a_share(seat)
    assert sent(IN_WEEK_2) == [share.pk]


def test_erasing_and_signing_again_sends_one_mail_a_day(seat: Enrollment) -> None:
    first = a_share(seat)
    assert sent(IN_WEEK_2) == [first.pk]
    for hour in range(1, 5):
        now = IN_WEEK_2 + hour * HOUR
        erased(seat)
        last = a_share(seat, now=now)
        assert sent(now) == [first.pk]
    assert sent(IN_WEEK_2 + DAY) == [first.pk, last.pk]


def test_an_erased_invitation_holds_back_none_to_somebody_else(seat: Enrollment) -> None:
    first = a_share(seat)
    sent(IN_WEEK_2)
    erased(seat)
    other = a_share(seat, email="kim@clinic.example")
    assert sent(IN_WEEK_2) == [first.pk, other.pk]


# --- Until midnight ----------------------------------------------------------------------

ON_THE_14TH = IN_WEEK_2.astimezone(zoneinfo.ZoneInfo("America/New_York")).date()
MIDNIGHT = sharing.end_of(ON_THE_14TH, zoneinfo.ZoneInfo("America/New_York"))


def test_a_last_day_that_ends_while_it_is_signed_is_refused_kindly(seat: Enrollment) -> None:
    last_moment = MIDNIGHT - dt.timedelta(microseconds=1)
    for now in (MIDNIGHT, MIDNIGHT + HOUR):
        with pytest.raises(Refused, match="is over meanwhile"):
            a_share(seat, until=ON_THE_14TH, now=now)
    assert not User.objects.filter(email="sam@clinic.example").exists()
    share = a_share(seat, until=ON_THE_14TH, now=last_moment)
    assert share.stands(last_moment)


def test_a_change_until_a_day_that_ends_meanwhile_leaves_the_earlier_choice(
    seat: Enrollment,
) -> None:
    share = a_share(seat)
    with pytest.raises(Refused, match="is over meanwhile"):
        sharing.change(
            share=share,
            choice=a_choice(until=ON_THE_14TH),
            signature=a_signature(),
            now=MIDNIGHT,
        )
    share.refresh_from_db()
    assert share.stands(MIDNIGHT)


def test_a_signature_across_midnight_says_so_on_its_page(
    client: Client, seat: Enrollment, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.move_to(MIDNIGHT - dt.timedelta(seconds=1))
    client.force_login(seat.member)
    signs = sharing.sign

    def slowly(**given: Any) -> Share:
        return signs(**{**given, "now": MIDNIGHT})

    monkeypatch.setattr(sharing, "sign", slowly)
    here = reverse("practice:share_new", args=[seat.public_id])
    answer = client.post(here, typed(until=ON_THE_14TH.isoformat()))
    assert answer.status_code == 422
    assert sharing.DAY_OVER in answer.content.decode()
    assert 'value="sam@clinic.example"' in answer.content.decode()
    clock.move_to(MIDNIGHT)
    again = client.post(here, typed(until=ON_THE_14TH.isoformat()))
    assert again.status_code == 422
    assert "Choose today or a later day." in again.content.decode()


# --- Beside an erasing -------------------------------------------------------------------


def erased(seat: Enrollment) -> None:
    seen = erasing.fingerprint(erasing.counts(member=seat.member))
    erasing.erase(member=seat.member, what=What.SHARING, seen=seen, now=IN_WEEK_2, ip="")


def test_an_answer_to_what_was_just_erased_finds_nothing(
    client: Client, seat: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = a_proposal(a_share(seat, to=a_practitioner()))
    held = proposals._held

    def late(about: Any) -> Share:
        erased(seat)
        return held(about)

    monkeypatch.setattr(proposals, "_held", late)
    here = reverse("practice:proposal", args=[seat.public_id, proposal.public_id])
    assert client.post(here, {"accept": "1", "seen": "0"}).status_code == 404


def test_a_press_of_somebody_elses_signature_is_refused(seat: Enrollment) -> None:
    share = a_share(a_practising_member())
    with pytest.raises(Refused):
        sharing.sign(
            enrollment=seat,
            choice=a_choice(),
            signature=a_signature(key=share.public_id),
            now=IN_WEEK_2,
        )
