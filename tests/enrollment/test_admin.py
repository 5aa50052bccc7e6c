"""Staff's pages: publishing a group, changing it, and looking at who is in it."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from enrollment import services
from enrollment.models import Enrollment, Seat
from enrollment.states import Status
from sessions.models import Cohort
from tests.accounts.people import sign_in_with_factor
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    session,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

COHORTS = reverse("admin:group_sessions_cohort_changelist")
ENROLLMENTS = reverse("admin:enrollment_enrollment_changelist")


@pytest.fixture
def admin(client: Client) -> User:
    person = a_member("desk@example.org", role=Role.ADMIN, display_name="Desk")
    sign_in_with_factor(client, person)
    return person


def act(client: Client, where: str, action: str, *rows: Any) -> list[str]:
    """Run an action on rows of a list; what the page says then."""
    response = client.post(
        where, {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True
    )
    assert response.status_code == 200
    return [str(message) for message in get_messages(response.wsgi_request)] or [
        str(message) for message in response.context["messages"]
    ]


def change(cohort: Cohort) -> str:
    return reverse("admin:group_sessions_cohort_change", args=[cohort.pk])


def typed(cohort: Cohort, **changes: Any) -> dict[str, Any]:
    """The cohort's form as the page shows it, with some answers changed."""
    sessions = list(cohort.group_sessions.order_by("number"))
    fields: dict[str, Any] = {
        "programme": cohort.programme_id,
        "name": cohort.name,
        "slug": cohort.slug,
        "admission": cohort.admission,
        "first_date": cohort.first_date.isoformat(),
        "wall_time": cohort.wall_time.isoformat(),
        "time_zone": cohort.time_zone,
        "duration_minutes": cohort.duration_minutes,
        "skipped_dates": "",
        "capacity": cohort.capacity,
        "price_cents": cohort.price_cents,
        "currency": cohort.currency,
        "admitted_states": "CA, NY",
        "meeting_url": cohort.meeting_url,
        "group_sessions-TOTAL_FORMS": len(sessions),
        "group_sessions-INITIAL_FORMS": len(sessions),
    }
    for index, row in enumerate(sessions):
        fields |= {
            f"group_sessions-{index}-id": row.pk,
            f"group_sessions-{index}-cohort": cohort.pk,
            f"group_sessions-{index}-meeting_url": row.meeting_url,
        }
    return {**fields, **changes}


def errors(response: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = response.context["adminform"].form.errors
    return found


def seats(cohort: Cohort) -> int:
    return Seat.objects.filter(cohort=cohort).count()


# --- Who may ----------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.MEMBER, Role.FACILITATOR])
@pytest.mark.parametrize("where", [COHORTS, ENROLLMENTS])
def test_the_admin_is_for_admins(client: Client, role: Role, where: str) -> None:
    client.force_login(a_member(role=role))
    assert client.get(where).status_code == 302


def test_saving_an_archived_draft_opens_nothing(client: Client, admin: User) -> None:
    draft = a_cohort(draft=True)
    Cohort.objects.filter(pk=draft.pk).update(status=Cohort.Status.ARCHIVED)
    draft.refresh_from_db()
    assert client.post(change(draft), typed(draft, name="Put away")).status_code == 302
    draft.refresh_from_db()
    assert draft.name == "Put away"
    assert (seats(draft), draft.group_sessions.count()) == (0, 0)


# --- What it costs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draft", "cents", "words"),
    [
        (True, 1, "too low"),
        (True, 148, "from week 9 on a seat would cost $0.49"),
        (True, 0, ""),
        (False, 0, ""),
        (False, 49, "too low"),
        (False, 150, ""),
    ],
)
def test_a_price_that_nobody_could_pay_is_refused(
    draft: bool, cents: int, words: str, client: Client, admin: User
) -> None:
    cohort = a_cohort(draft=draft, admission=Cohort.Admission.MODULE_STARTS)
    response = client.post(change(cohort), typed(cohort, price_cents=cents))
    cohort.refresh_from_db()
    if words:
        assert words in " ".join(errors(response)["price_cents"])
        assert cohort.price_cents == 29_900
    else:
        assert cohort.price_cents == cents


def test_a_leader_who_is_none_is_refused(client: Client, admin: User) -> None:
    cohort = a_cohort(draft=True)
    response = client.post(change(cohort), typed(cohort, facilitators=["9" * 30]))
    assert errors(response)["facilitators"] == ["Choose people who lead groups."]


# --- Publishing -------------------------------------------------------------------------


def a_led_draft(**fields: Any) -> Cohort:
    draft = a_cohort(draft=True, **fields)
    draft.facilitators.add(a_member(role=Role.FACILITATOR))
    return draft


@pytest.mark.usefixtures("admin")
def test_publishing_makes_twelve_sessions_and_the_seats(client: Client) -> None:
    draft = a_led_draft(capacity=6)
    assert act(client, COHORTS, "publish", draft) == [f"{draft} is open for members."]
    draft.refresh_from_db()
    assert draft.status == Cohort.Status.PUBLISHED
    assert draft.group_sessions.count() == 12
    assert list(draft.seats.values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.usefixtures("admin")
def test_publishing_again_changes_nothing(client: Client) -> None:
    cohort = a_cohort()
    held = a_held_seat(cohort=cohort)
    act(client, COHORTS, "publish", cohort)
    assert (cohort.group_sessions.count(), seats(cohort)) == (12, 8)
    assert Seat.objects.get(enrollment=held).cohort == cohort


@pytest.mark.usefixtures("admin")
def test_dates_that_cannot_be_kept_are_named_and_nothing_is_published(client: Client) -> None:
    sound = a_led_draft(name="Sound")
    impossible = a_led_draft(name="Odd", skipped_dates=["2026-10-07"])
    assert sorted(act(client, COHORTS, "publish", sound, impossible)) == [
        "Odd: 2026-10-07 is not a meeting day of this group, so it cannot be skipped.",
        "Sound is open for members.",
    ]
    impossible.refresh_from_db()
    assert (impossible.status, seats(impossible), impossible.group_sessions.count()) == (
        Cohort.Status.DRAFT,
        0,
        0,
    )


@pytest.mark.usefixtures("admin")
def test_a_group_that_nobody_leads_is_not_published(client: Client) -> None:
    draft = a_cohort(draft=True)
    assert act(client, COHORTS, "publish", draft) == [
        f"{draft}: Choose a facilitator first: nobody would lead this group."
    ]
    draft.refresh_from_db()
    assert (draft.status, seats(draft)) == (Cohort.Status.DRAFT, 0)


@pytest.mark.usefixtures("admin")
def test_a_group_that_nobody_could_join_is_not_published(client: Client) -> None:
    draft = a_led_draft(first_date=NOW.date() - dt.timedelta(days=1))
    assert act(client, COHORTS, "publish", draft) == [
        f"{draft}: Nobody could join any more: choose a later first date."
    ]


@pytest.mark.usefixtures("admin")
def test_once_somebody_has_a_seat_the_dates_stay(client: Client) -> None:
    cohort = a_cohort()
    a_held_seat(cohort=cohort)
    assert client.get(change(cohort)).status_code == 200
    moved = (cohort.first_date + dt.timedelta(days=1)).isoformat()
    response = client.post(change(cohort), typed(cohort, first_date=moved, name="Another name"))
    assert response.status_code == 302
    cohort.refresh_from_db()
    assert (cohort.name, session(cohort, 1).starts_at) == ("Another name", FIRST_SESSION)


@pytest.mark.usefixtures("admin")
def test_closing_keeps_the_members_and_takes_no_new_ones(client: Client) -> None:
    cohort, draft = a_cohort(), a_cohort(draft=True)
    confirmed = a_confirmed_seat(cohort=cohort)
    assert act(client, COHORTS, "close", cohort, draft) == ["1 closed to new members."]
    cohort.refresh_from_db()
    confirmed.refresh_from_db()
    assert (cohort.status, confirmed.status) == (Cohort.Status.CLOSED, Status.ACTIVE)


# --- Changing a group -------------------------------------------------------------------


@pytest.mark.usefixtures("admin")
def test_fewer_seats_than_there_are_is_refused(client: Client) -> None:
    cohort = a_cohort(capacity=8)
    response = client.post(change(cohort), typed(cohort, capacity=7))
    assert response.status_code == 200
    assert errors(response) == {
        "capacity": ["This group has 8 seats already; a smaller number is not possible here."]
    }
    cohort.refresh_from_db()
    assert (cohort.capacity, seats(cohort)) == (8, 8)


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("status", [Cohort.Status.PUBLISHED, Cohort.Status.CLOSED])
def test_more_seats_are_added_and_nobody_loses_theirs(
    client: Client, status: Cohort.Status
) -> None:
    cohort = a_cohort(capacity=2)
    held = a_held_seat(cohort=cohort)
    Cohort.objects.update(status=status)
    assert client.post(change(cohort), typed(cohort, capacity=4)).status_code == 302
    assert seats(cohort) == 4
    assert Seat.objects.get(enrollment=held).cohort == cohort
    cohort.refresh_from_db()
    assert cohort.status == status


@pytest.mark.usefixtures("admin")
def test_more_seats_than_the_programme_allows_are_refused(client: Client) -> None:
    cohort = a_cohort()
    response = client.post(change(cohort), typed(cohort, capacity=11))
    assert errors(response) == {"capacity": ["This program seats at most 10."]}


@pytest.mark.usefixtures("admin")
def test_a_drafts_capacity_may_shrink(client: Client) -> None:
    draft = a_cohort(draft=True)
    assert client.post(change(draft), typed(draft, capacity=3)).status_code == 302
    assert seats(draft) == 0


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("status", [Cohort.Status.PUBLISHED, Cohort.Status.CLOSED])
def test_a_skipped_week_moves_the_sessions_that_exist(
    client: Client, status: Cohort.Status
) -> None:
    cohort = a_cohort()
    Cohort.objects.update(status=status)
    before = session(cohort, 2)
    response = client.post(change(cohort), typed(cohort, skipped_dates="2026-10-13"))
    assert response.status_code == 302
    after = session(cohort, 2)
    assert (after.pk, after.starts_at) == (before.pk, before.starts_at + dt.timedelta(weeks=1))
    assert session(cohort, 1).starts_at == FIRST_SESSION


@pytest.mark.usefixtures("admin")
def test_impossible_dates_are_named_at_their_field(client: Client) -> None:
    cohort = a_cohort()
    response = client.post(change(cohort), typed(cohort, skipped_dates="2026-10-14"))
    assert errors(response) == {
        "skipped_dates": ["2026-10-14 is not a meeting day of this group, so it cannot be skipped."]
    }


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("status", [Cohort.Status.PUBLISHED, Cohort.Status.CLOSED])
def test_once_published_leaders_and_links_are_changed_on_the_groups_page(
    client: Client, status: Cohort.Status
) -> None:
    """There somebody is told, and history is written."""
    cohort = a_cohort(meeting_url="https://video.example/j/1")
    dana, luis = (a_member(role=Role.FACILITATOR) for _ in range(2))
    cohort.facilitators.set([dana])
    Cohort.objects.update(status=status)
    changes = {
        "facilitators": [luis.pk],
        "meeting_url": "https://video.example/j/2",
        "group_sessions-0-meeting_url": "https://video.example/j/3",
        "name": "Renamed",
    }
    assert client.post(change(cohort), typed(cohort, **changes)).status_code == 302
    cohort.refresh_from_db()
    assert (cohort.name, cohort.meeting_url) == ("Renamed", "https://video.example/j/1")
    assert list(cohort.facilitators.all()) == [dana]
    assert session(cohort, 1).meeting_url == ""
    page = client.get(change(cohort)).content.decode()
    assert f'href="{reverse("enrollment:roster", args=[cohort.slug])}#changes-title"' in page


@pytest.mark.usefixtures("admin")
def test_a_drafts_leaders_and_link_are_changed_here(client: Client) -> None:
    draft = a_cohort(draft=True)
    dana = a_member(role=Role.FACILITATOR)
    changes = {"facilitators": [dana.pk], "meeting_url": "https://video.example/j/1"}
    assert client.post(change(draft), typed(draft, **changes)).status_code == 302
    draft.refresh_from_db()
    assert (draft.meeting_url, list(draft.facilitators.all())) == (changes["meeting_url"], [dana])


@pytest.mark.usefixtures("admin")
def test_a_group_is_added_as_a_draft(client: Client) -> None:
    like = a_cohort(draft=True)
    fields = typed(like, slug="new", name="New")
    response = client.post(reverse("admin:group_sessions_cohort_add"), fields)
    assert response.status_code == 302
    added = Cohort.objects.get(slug="new")
    assert (added.status, seats(added)) == (Cohort.Status.DRAFT, 0)


@pytest.mark.usefixtures("admin")
def test_a_leader_who_is_wanted_twice_at_once_is_refused_here_too(client: Client) -> None:
    leader = a_member(role=Role.FACILITATOR, display_name="Dana Reyes")
    first, second, third = (a_led_draft(name=name) for name in ("First", "Second", "Third"))
    for draft in (first, second):
        draft.facilitators.set([leader])
    reason = (
        "Dana Reyes leads “First” on Tuesday, October 6, 6:00 PM Eastern and on 11 more dates, "
        "and cannot lead two sessions at once."
    )
    assert act(client, COHORTS, "publish", first) == ["First is open for members."]
    assert act(client, COHORTS, "publish", second) == [f"Second: {reason}"]
    act(client, COHORTS, "publish", third)
    third.facilitators.set([leader])  # as before bookings were kept
    third.refresh_from_db()
    page = client.post(change(third), typed(third, name="Renamed"), follow=True)
    assert f"Nothing was saved. {reason}" in page.content.decode()
    third.refresh_from_db()
    assert third.name == "Third"
    hour_later = typed(third, name="Renamed", wall_time="19:00")
    assert client.post(change(third), hour_later).status_code == 302
    assert leader.bookings.count() == 24


# --- Enrolments -------------------------------------------------------------------------


@pytest.mark.usefixtures("admin")
def test_no_seat_is_ended_here_but_at_the_desk_which_tells_its_member(client: Client) -> None:
    confirmed = a_confirmed_seat()
    before = confirmed.moves.count()
    chosen = {"action": "withdraw", "_selected_action": [confirmed.pk]}
    client.post(ENROLLMENTS, chosen, follow=True)
    confirmed.refresh_from_db()
    assert (confirmed.status, confirmed.moves.count()) == (Status.ACTIVE, before)
    assert Seat.objects.filter(enrollment=confirmed).count() == 1
    desk = reverse("billing:enrollment", args=[confirmed.public_id])
    row = reverse("admin:enrollment_enrollment_change", args=[confirmed.pk])
    for page in (ENROLLMENTS, row):
        assert f'<a href="{desk}">' in client.get(page).content.decode()
    assert client.get(desk).status_code == 200


@pytest.mark.usefixtures("admin")
def test_an_enrolment_is_looked_at_and_not_changed(client: Client) -> None:
    confirmed = a_confirmed_seat()
    where = reverse("admin:enrollment_enrollment_change", args=[confirmed.pk])
    page = client.get(where)
    assert page.status_code == 200
    assert confirmed.door_token not in page.content.decode()
    assert client.post(where, {"status": Status.WITHDRAWN}).status_code == 403
    assert client.get(reverse("admin:enrollment_enrollment_add")).status_code == 403
    delete = reverse("admin:enrollment_enrollment_delete", args=[confirmed.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert Enrollment.objects.get().status == Status.ACTIVE
    assert LogEntry.objects.count() == 0


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("query", ["", "?q=desk", "?q=2f3a", "?status__exact=held"])
def test_the_lists_open(client: Client, query: str) -> None:
    held = a_held_seat()
    services.expire_hold(enrollment_id=held.pk, now=FIRST_SESSION + HOUR, reason="Not paid in time")
    assert client.get(ENROLLMENTS + query).status_code == 200
    assert client.get(COHORTS).status_code == 200
    assert client.get(change(held.cohort)).status_code == 200
    assert client.get(reverse("admin:group_sessions_cohort_add")).status_code == 200


@pytest.mark.usefixtures("admin")
def test_a_group_with_seats_is_not_deleted(client: Client) -> None:
    cohort = a_cohort()
    where = reverse("admin:group_sessions_cohort_delete", args=[cohort.pk])
    client.post(where, {"post": "yes"})
    assert Cohort.objects.filter(pk=cohort.pk).exists()


@pytest.mark.usefixtures("admin")
def test_every_page_opens_for_an_empty_and_for_a_taken_group(client: Client) -> None:
    taken, empty, draft = a_cohort(), a_cohort(), a_cohort(draft=True)
    held = a_held_seat(cohort=taken)
    pages = [COHORTS, ENROLLMENTS, reverse("admin:group_sessions_cohort_add")]
    pages += [change(cohort) for cohort in (taken, empty, draft)]
    pages.append(reverse("admin:enrollment_enrollment_change", args=[held.pk]))
    assert [client.get(page).status_code for page in pages] == [200] * len(pages)
