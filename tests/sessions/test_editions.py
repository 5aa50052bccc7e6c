"""From a draft to a published version, which nobody changes any more."""

import dataclasses
import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts.models import Action, AuditEntry, Role, Subject, User
from sessions import editions
from sessions.editions import ChangedMeanwhile, NotPossible, Text, fingerprint
from sessions.models import Curriculum, CurriculumWeek, Programme, Published
from sessions.teaching import weeks_of
from tests.accounts.people import make_person
from tests.enrollment.builders import FIRST_SESSION, HOUR, NOW, a_cohort
from tests.sessions.factories import a_version, default_programme

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)
CLINICIAN = "Ana Diaz, PsyD, California PSY 12345"
OURS = Text("mindfulness", "Our own words", ["Noticing"], {"home": ["Make the bed"]})


@pytest.fixture
def admin() -> User:
    return make_person("admin@example.org", role=Role.ADMIN, display_name="Rae")


@pytest.fixture
def draft() -> Curriculum:
    return editions.start_draft(programme=default_programme())


def week(curriculum: Curriculum, number: int = 1) -> CurriculumWeek:
    return CurriculumWeek.objects.select_related("curriculum").get(
        curriculum=curriculum, number=number
    )


def write(draft: Curriculum, text: Text = OURS, number: int = 1) -> None:
    stored = week(draft, number)
    editions.save_week(week=stored, text=text, seen=fingerprint([stored]))


def tick(curriculum: Curriculum, admin: User, *, seen: str = "") -> None:
    editions.approve(
        curriculum=curriculum,
        clinician=CLINICIAN,
        actor=admin,
        seen=seen or fingerprint(curriculum.weeks.all()),
        now=NOW,
        ip="203.0.113.7",
    )


def publish(draft: Curriculum, admin: User, *, now: dt.datetime = NOW, seen: str = "") -> None:
    draft.refresh_from_db()
    seen = seen or editions.outlook(draft=draft, now=now).seen
    editions.publish(draft=draft, actor=admin, seen=seen, now=now, ip="203.0.113.7")


# --- A draft ----------------------------------------------------------------------------


def test_a_draft_begins_as_a_copy_of_the_newest_version(draft: Curriculum) -> None:
    first = default_programme().curricula.get(version=1)
    assert (draft.version, draft.published_at, draft.approved_at) == (2, None, None)
    assert fingerprint(draft.weeks.all()) == fingerprint(first.weeks.all())


def test_starting_twice_finds_the_same_draft(draft: Curriculum) -> None:
    assert editions.start_draft(programme=draft.programme) == draft


def test_weeks_that_the_newest_version_lacks_are_filled_in() -> None:
    other = Programme.objects.create(name="Other", slug="other")
    a_version(other, at=NOW, weeks={3: {"title": "Ours", "skills": ["One"]}}, first=True)
    found = list(editions.start_draft(programme=other).weeks.all())
    assert [one.number for one in found] == list(range(1, 13))
    assert found[2].title == "Ours"
    assert found[0].title == "Starting out, and noticing your state of mind"


def test_a_new_program_begins_with_version_1() -> None:
    other = Programme.objects.create(name="Other", slug="other")
    draft = editions.start_draft(programme=other)
    assert (draft.version, draft.weeks.count()) == (1, 12)


def test_a_week_is_stored_as_typed(draft: Curriculum) -> None:
    write(draft)
    assert editions.text_of(week(draft)) == OURS
    assert default_programme().curricula.get(version=1).weeks.get(number=1).title != OURS.title


def test_what_a_skill_is_is_stored_while_the_skill_is_in_the_list(draft: Curriculum) -> None:
    write(draft, dataclasses.replace(OURS, explained={"Noticing": "Looking.", "Gone": "Left."}))
    assert week(draft).explained == {"Noticing": "Looking."}
    write(draft, dataclasses.replace(OURS, explained={"Noticing": ""}))
    assert week(draft).explained == {}


def test_a_draft_has_the_explanations_of_the_version_before(draft: Curriculum) -> None:
    first = default_programme().curricula.get(version=1)
    assert [one.explained for one in draft.weeks.all()] == [
        one.explained for one in first.weeks.all()
    ]
    assert "STOP" in week(draft, 2).explained


def test_weeks_that_are_filled_in_come_with_explanations() -> None:
    other = Programme.objects.create(name="Other", slug="other")
    assert "Wise mind" in week(editions.start_draft(programme=other)).explained


def test_who_changed_an_explanation_meanwhile_was_there_first(draft: Curriculum) -> None:
    mine = week(draft)
    seen = fingerprint([mine])
    text = editions.text_of(mine)
    write(draft, dataclasses.replace(text, explained={**text.explained, "Wise mind": "New."}))
    with pytest.raises(ChangedMeanwhile):
        editions.save_week(week=mine, text=OURS, seen=seen)
    assert week(draft).explained["Wise mind"] == "New."


def test_who_saves_later_is_told_and_nothing_is_lost(draft: Curriculum) -> None:
    mine = week(draft)
    write(draft)
    with pytest.raises(ChangedMeanwhile):
        editions.save_week(
            week=mine, text=Text("mindfulness", "Late", ["X"], {}), seen=fingerprint([mine])
        )
    assert week(draft).title == OURS.title


def test_a_draft_is_thrown_away_as_it_was_seen(draft: Curriculum) -> None:
    seen = fingerprint(draft.weeks.all())
    write(draft)
    with pytest.raises(ChangedMeanwhile):
        editions.throw_away(draft=draft, seen=seen)
    editions.throw_away(draft=draft, seen=fingerprint(draft.weeks.all()))
    assert not Curriculum.objects.filter(published_at=None).exists()
    with pytest.raises(NotPossible, match="threw this draft away"):
        editions.throw_away(draft=draft, seen=seen)


# --- A clinician's tick -----------------------------------------------------------------


def test_a_tick_says_who_read_it_and_who_noted_that(draft: Curriculum, admin: User) -> None:
    tick(draft, admin)
    draft.refresh_from_db()
    assert (draft.clinician, draft.approved_by, draft.approved_at) == (CLINICIAN, admin, NOW)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject_kind) == (Action.CURRICULUM_APPROVED, Subject.CURRICULUM)
    assert (entry.actor, entry.subject_id, entry.ip) == (admin, str(draft.pk), "203.0.113.7")


def test_what_was_not_read_is_not_ticked(draft: Curriculum, admin: User) -> None:
    read = fingerprint(draft.weeks.all())
    write(draft)
    with pytest.raises(ChangedMeanwhile):
        tick(draft, admin, seen=read)
    draft.refresh_from_db()
    assert draft.approved_at is None


def test_any_change_takes_the_tick_away(draft: Curriculum, admin: User) -> None:
    tick(draft, admin)
    write(draft, editions.text_of(week(draft)))  # the same again is no change
    draft.refresh_from_db()
    assert draft.approved_at == NOW
    write(draft)
    draft.refresh_from_db()
    assert [getattr(draft, name) for name in Curriculum.TICK] == ["", None, None]
    with pytest.raises(NotPossible, match="No licensed clinician"):
        publish(draft, admin)


def test_another_explanation_takes_the_tick_away(draft: Curriculum, admin: User) -> None:
    tick(draft, admin)
    text = editions.text_of(week(draft))
    stray = dataclasses.replace(text, explained={**text.explained, "Not in the list": "Gone."})
    write(draft, stray)  # stores nothing else than there is
    draft.refresh_from_db()
    assert draft.approved_at == NOW
    write(draft, dataclasses.replace(text, explained={}))
    draft.refresh_from_db()
    assert draft.approved_at is None


def test_the_first_version_can_be_ticked_once_although_it_is_published(admin: User) -> None:
    first = default_programme().curricula.get(version=1)
    tick(first, admin)
    first.refresh_from_db()
    assert first.clinician == CLINICIAN
    with pytest.raises(NotPossible, match="has the tick already"):
        tick(first, admin)


# --- Publication ------------------------------------------------------------------------


def test_a_published_version_is_followed_by_groups_that_have_not_begun(
    draft: Curriculum, admin: User
) -> None:
    running = a_cohort(name="Running", starts_at=NOW - HOUR)
    coming, planned = a_cohort(name="Coming"), a_cohort(name="Planned", draft=True)
    a_cohort(name="Over", starts_at=NOW - dt.timedelta(weeks=30))
    write(draft)
    tick(draft, admin)
    draft.refresh_from_db()
    outlook = editions.outlook(draft=draft, now=NOW)
    assert [one.cohort for one in outlook.keep] == [running]
    assert [one.cohort for one in outlook.follow] == [coming, planned]
    publish(draft, admin)
    taught = weeks_of(cohorts=[running.pk, coming.pk, planned.pk], now=NOW)
    assert taught[running.pk][1].title != OURS.title
    assert taught[coming.pk][1].title == taught[planned.pk][1].title == OURS.title
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == [Action.CURRICULUM_APPROVED, Action.CURRICULUM_PUBLISHED]


def test_a_group_that_begins_between_the_look_and_the_press_is_told(
    draft: Curriculum, admin: User
) -> None:
    a_cohort()
    write(draft)
    tick(draft, admin)
    draft.refresh_from_db()
    seen = editions.outlook(draft=draft, now=FIRST_SESSION).seen
    with pytest.raises(ChangedMeanwhile):
        publish(draft, admin, now=FIRST_SESSION + MINUTE, seen=seen)
    draft.refresh_from_db()
    assert draft.published_at is None


def test_what_nobody_looked_at_is_not_published(draft: Curriculum, admin: User) -> None:
    write(draft)
    tick(draft, admin)
    with pytest.raises(ChangedMeanwhile):
        publish(draft, admin, seen="another")


def test_a_version_without_a_difference_is_not_published(draft: Curriculum, admin: User) -> None:
    tick(draft, admin)
    with pytest.raises(NotPossible, match="Nothing in it is different from version 1"):
        publish(draft, admin)


def test_a_version_with_a_gap_is_neither_ticked_nor_published(
    draft: Curriculum, admin: User
) -> None:
    draft.weeks.filter(number=4).update(skills=[])
    draft.weeks.filter(number=7).delete()
    with pytest.raises(NotPossible) as refused:
        tick(draft, admin)
    assert refused.value.reasons == ("Week 7 has no text.", "Week 4 has no skills.")
    with pytest.raises(NotPossible):
        publish(draft, admin)


def test_what_is_different_is_said_week_by_week(draft: Curriculum) -> None:
    old = week(draft)
    text = Text(
        "interpersonal",
        "New",
        ["States of mind", "Wise mind"],
        {**old.activities, "home": [*old.activities["home"][1:], "Water a plant"], "people": []},
        old.explained,
    )
    write(draft, text)
    [change] = editions.outlook(draft=draft, now=NOW).changes
    assert change.number == 1
    assert [(line.what, line.text) for line in change.lines] == [
        ("New title", "New"),
        ("New module", "Interpersonal effectiveness"),
        ("Skills in another order", "States of mind; Wise mind"),
        ("Home, activity added", "Water a plant"),
        ("Home, activity taken out", "Shop for food on a budget"),
        ("Being with people, activity taken out", "Decide whether to accept an invitation"),
    ]


def test_what_is_different_in_what_skills_are_is_said(draft: Curriculum) -> None:
    was = week(draft, 2).explained
    text = dataclasses.replace(
        editions.text_of(week(draft, 2)),
        skills=["STOP", "Pros and cons", "Wait", "Rest"],
        explained={"STOP": "Stop, then look.", "Wait": "Let a minute go by."},
    )
    write(draft, text, number=2)
    [change] = editions.outlook(draft=draft, now=NOW).changes
    assert [(line.what, line.text) for line in change.lines] == [
        ("Skill added", "Wait"),
        ("Skill added", "Rest"),
        ("Skill taken out", "TIP (ask your doctor first if you have a medical condition)"),
        ("What STOP is, in new words", "Stop, then look."),
        ("What Pros and cons is, taken out", was["Pros and cons"]),
        ("What Wait is, added", "Let a minute go by."),
    ]


# --- What is published stays ------------------------------------------------------------


def test_the_program_refuses_to_change_a_published_version() -> None:
    first = default_programme().curricula.get(version=1)
    text = week(first)
    for change in (text.save, text.delete, first.save, first.delete):
        with pytest.raises(Published):
            change()
    with pytest.raises(NotPossible, match="is published, so it stays"):
        write(first)
    with pytest.raises(NotPossible, match="is published, so it stays"):
        editions.throw_away(draft=first, seen=fingerprint(first.weeks.all()))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE group_sessions_curriculumweek SET title = 'x' WHERE curriculum_id = {first}",
        "UPDATE group_sessions_curriculumweek SET curriculum_id = {draft}"
        " WHERE curriculum_id = {first} AND number = 1",
        "UPDATE group_sessions_curriculumweek SET curriculum_id = {first}, number = 13"
        " WHERE curriculum_id = {draft} AND number = 1",
        "DELETE FROM group_sessions_curriculumweek WHERE curriculum_id = {first}",
        "INSERT INTO group_sessions_curriculumweek"
        " (curriculum_id, number, module, title, skills, explained, activities)"
        " VALUES ({first}, 13, 'm', 't', '[]', '{{}}', '{{}}')",
        "UPDATE group_sessions_curriculumweek SET explained = '{{}}' WHERE curriculum_id = {first}",
        "UPDATE group_sessions_curriculum SET published_at = NULL WHERE id = {first}",
        "UPDATE group_sessions_curriculum SET version = 9 WHERE id = {first}",
        "UPDATE group_sessions_curriculum SET clinician = 'x' WHERE id = {ticked}",
        "DELETE FROM group_sessions_curriculum WHERE id = {ticked}",
    ],
)
def test_the_database_refuses_to_change_a_published_version(sql: str, admin: User) -> None:
    programme = default_programme()
    first = programme.curricula.get(version=1)
    ticked = a_version(programme, at=NOW, weeks={})
    draft = editions.start_draft(programme=programme)
    keys = {"first": first.pk, "ticked": ticked.pk, "draft": draft.pk}
    refused = pytest.raises(IntegrityError, match="stays as it is")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(**keys))


def test_a_program_with_a_curriculum_is_not_deleted_along_with_it() -> None:
    with pytest.raises(ProtectedError):
        default_programme().delete()


# --- The list ---------------------------------------------------------------------------


def test_the_list_says_which_groups_follow_which_version(draft: Curriculum, admin: User) -> None:
    running = a_cohort(name="Running", starts_at=NOW - HOUR)
    write(draft)
    tick(draft, admin)
    publish(draft, admin)
    coming = a_cohort(name="Coming")
    cancelled = a_cohort(name="Ended early")
    cancelled.group_sessions.update(cancelled_at=NOW)
    [shelf] = editions.shelves(now=NOW + MINUTE)
    found = {
        version.curriculum.version: [one.cohort for one in version.groups]
        for version in shelf.versions
    }
    assert found == {2: [coming], 1: [running]}
