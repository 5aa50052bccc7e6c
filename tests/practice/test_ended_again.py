"""That a member ended something stands in the audit log, so that a restored backup can be told."""

import io
import re
import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import audit
from accounts.exports import everything_of
from accounts.models import Action, AuditEntry, Subject
from enrollment.models import Enrollment
from practice import erasing, shared, sharing
from practice.erasing import What
from practice.models import Part, Share
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import a_choice, a_practitioner, a_share, a_signature, looks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

OPERATIONS = Path(settings.BASE_DIR, "docs", "operations.md")


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


@pytest.fixture
def client(seat: Enrollment) -> Client:
    signed_in = Client()
    signed_in.force_login(seat.member)
    return signed_in


def erase_sharing(seat: Enrollment) -> None:
    seen = erasing.fingerprint(erasing.counts(member=seat.member))
    erasing.erase(member=seat.member, what=What.SHARING, seen=seen, now=IN_WEEK_2, ip="")


# --- Written down -----------------------------------------------------------------------


def test_an_end_is_written_down_once(client: Client, seat: Enrollment) -> None:
    share = a_share(seat)
    here = reverse("practice:share", args=[seat.public_id, share.public_id])
    for _ in range(2):
        client.post(here)
    [entry] = AuditEntry.objects.all()
    assert (entry.actor, entry.action) == (seat.member, Action.SHARING_ENDED)
    assert (entry.subject_kind, entry.subject_id) == (Subject.SHARE, str(share.public_id))
    assert (entry.at, entry.ip) == (IN_WEEK_2, "127.0.0.1")
    assert audit.check().flaw == ""


def test_a_change_writes_down_the_end_of_the_earlier_one(seat: Enrollment) -> None:
    old = a_share(seat)
    signature = a_signature(ip="203.0.113.7")
    for _ in range(2):
        new = sharing.change(
            share=old, choice=a_choice(parts=["plan"]), signature=signature, now=IN_WEEK_2
        )
    [entry] = AuditEntry.objects.all()
    assert (entry.actor, entry.action) == (seat.member, Action.SHARING_ENDED)
    assert (entry.subject_id, entry.ip) == (str(old.public_id), "203.0.113.7")
    assert looks(Action.SHARING_ENDED, new.public_id) == 0


def test_an_end_is_nobodys_look(client: Client, seat: Enrollment) -> None:
    share = a_share(seat, to=a_practitioner())
    sharing.withdraw(share=share, now=IN_WEEK_2)
    page = client.get(reverse("practice:sharing", args=[seat.public_id])).content.decode()
    assert "Nobody has opened anything." in page
    taken = everything_of(seat.member)
    assert taken["practice"]["who_opened_what"] == []
    assert [one["action"] for one in taken["account"]["done_by_you"]] == ["sharing.ended"]


def test_control_a_look_is_listed(client: Client, seat: Enrollment) -> None:
    share = a_share(seat, to=a_practitioner())
    with shared.opened(
        public_id=share.public_id, reader=share.practitioner, part=Part.PLAN, now=IN_WEEK_2
    ):
        pass
    page = client.get(reverse("practice:sharing", args=[seat.public_id])).content.decode()
    assert "Sam Ortiz opened your plan" in page
    assert len(everything_of(seat.member)["practice"]["who_opened_what"]) == 1


# --- After a restore --------------------------------------------------------------------


def documented() -> str:
    """The question to the log that operations.md asks, which goes to the command."""
    found = re.search(r'--command "(SELECT[^"]+)" \|\n +python manage\.py end_shares', text())
    assert found
    return found[1]


def text() -> str:
    return OPERATIONS.read_text()


def asked_of_the_log() -> str:
    with connection.cursor() as cursor:
        cursor.execute(documented())
        return "".join(f"{row[0]}\n" for row in cursor.fetchall())


def end_shares(lines: str, monkeypatch: pytest.MonkeyPatch) -> str:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    call_command("end_shares", stdout=out)
    return out.getvalue()


def test_what_was_ended_since_the_dump_ends_again(
    seat: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    erased = a_practising_member()
    shares = [
        ended := a_share(seat),
        changed := a_share(seat, email="kim@clinic.example"),
        stays := a_share(seat, email="lou@clinic.example"),
        a_share(erased),
        a_share(erased, email="kim@clinic.example"),
    ]
    dump = list(Share.objects.order_by("pk"))
    sharing.withdraw(share=ended, now=IN_WEEK_2)
    sharing.change(share=changed, choice=a_choice(), signature=a_signature(), now=IN_WEEK_2)
    erase_sharing(erased)
    subjects = asked_of_the_log()
    Share.objects.all().delete()
    Share.objects.bulk_create(dump)
    assert Share.objects.standing(IN_WEEK_2).count() == len(shares)

    assert end_shares(subjects, monkeypatch) == "4 ended.\n"
    assert list(Share.objects.standing(IN_WEEK_2)) == [stays]
    assert end_shares(subjects, monkeypatch) == "0 ended.\n"
    # Also what was restored is found by the next restore.
    assert looks(Action.SHARING_ENDED, ended.public_id) == 2
    assert audit.check().flaw == ""


def test_an_end_before_the_dump_is_not_asked_for(seat: Enrollment) -> None:
    share = a_share(seat)
    sharing.withdraw(share=share, now=IN_WEEK_2)
    assert "'2026-10-14 03:00+00'" in documented()
    assert asked_of_the_log() == f"{share.public_id}\n"
    later = documented().replace("2026-10-14", "2026-10-15")
    with connection.cursor() as cursor:
        cursor.execute(later)
        assert cursor.fetchall() == []


def test_what_the_dump_did_not_know_is_passed_over(
    seat: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_share(seat)
    assert end_shares(f"{uuid.uuid4()}\n0\n", monkeypatch) == "0 ended.\n"
    assert Share.objects.standing(IN_WEEK_2).count() == 1


@pytest.mark.parametrize("wrong", ["no-id", "-1", "\u0661x"])
def test_a_line_that_is_no_id_ends_nothing(
    seat: Enrollment, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    share = a_share(seat)
    with pytest.raises(CommandError, match="Nothing was ended"):
        end_shares(f"{share.public_id}\n{wrong}\n", monkeypatch)
    assert Share.objects.standing(IN_WEEK_2).count() == 1


def test_what_no_key_opens_ends_too(seat: Enrollment, monkeypatch: pytest.MonkeyPatch) -> None:
    share = a_share(seat)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE practice_share SET content = 'no key opens this'")
    assert end_shares(str(share.public_id), monkeypatch) == "1 ended.\n"
