"""What this room keeps about a member, for that member."""

from django.db.models import Case, F, Q, QuerySet, Value, When

from accounts.exports import Room, Table, fields, register
from accounts.models import LEADING, AuditEntry, Subject, User
from practice.diary import OF_THE_PAGE
from practice.known_as import consent
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
from practice.view_log import WORDS


def views_of(person: User) -> "QuerySet[AuditEntry]":
    """The looks in the audit log at what this member shares, with practitioners or with whoever
    leads."""
    shares = Share.objects.filter(enrollment__member=person)
    ids = [str(one) for one in shares.values_list("public_id", flat=True)]
    seats = [str(pk) for pk in person.enrollments.values_list("pk", flat=True)]
    shared = Q(subject_kind=Subject.SHARE, subject_id__in=ids)
    led = Q(subject_kind=Subject.PRACTICE, subject_id__in=seats)
    by_leader = When(subject_kind=Subject.PRACTICE, then=F("actor__display_name"))
    by_consent = When(subject_kind=Subject.SHARE, then=F("subject_id"))
    return (
        AuditEntry.objects.filter(shared | led, action__in=list(WORDS))
        .annotate(
            leader=Case(by_leader, default=Value("")), share=Case(by_consent, default=Value(""))
        )
        .order_by("pk")
    )


def leader(person: str, *, share: str) -> Case:
    """The name of whoever leads. Others are named in the consent with them, as the member wrote it:
    what their account says is theirs."""
    leads = When(**{share: None, f"{person}__role__in": LEADING}, then=F(f"{person}__display_name"))
    return Case(leads, default=Value(""))


GROUP = {"group": "enrollment__cohort__name"}
ROOM = Room(
    "practice",
    "your look at your daily life, plans, diary, goals, and what you share with whom",
    (
        Table(
            "profile",
            lambda person: Profile.objects.filter(member=person),
            fields("content", "saved_at"),
        ),
        Table(
            "plans",
            lambda person: WeekPlan.objects.filter(enrollment__member=person),
            fields("week", "content", "skipped", "saved_at", **GROUP),
        ),
        Table(
            "diary",
            lambda person: DiaryEntry.objects.filter(enrollment__member=person),
            fields("day", "content", "saved_at", "replaced", "replaced_at", **GROUP),
            without=OF_THE_PAGE,
        ),
        Table(
            "goals",
            lambda person: Goal.objects.filter(enrollment__member=person).annotate(
                agreed_share=consent(person="agreed_by", field="public_id"),
                agreed_leader=leader("agreed_by", share="agreed_share"),
            ),
            {
                **fields("public_id", "slot", "content", "made_at", "saved_at", "agreed_at"),
                **fields("ended_at", share="agreed_share", **GROUP),
                **fields(agreed_with="agreed_leader"),
            },
        ),
        Table(
            "ratings",
            lambda person: GoalRating.objects.filter(goal__enrollment__member=person).annotate(
                rated_share=consent(
                    person="rated_by", field="public_id", member="goal__enrollment__member"
                ),
                rated_leader=leader("rated_by", share="rated_share"),
            ),
            fields(
                "week",
                "content",
                "rated_at",
                goal="goal__public_id",
                share="rated_share",
                rated_by="rated_leader",
            ),
        ),
        Table(
            "shared_with_practitioners",
            lambda person: Share.objects.filter(enrollment__member=person),
            {
                **fields("public_id", "role", "parts", "content", "terms_version", "signed_at"),
                # No address of the account: `content` has the one that the member typed.
                **fields("ip", "ends_at", "accepted_at", "withdrawn_at", **GROUP),
            },
        ),
        Table(
            "shared_with_who_leads",
            lambda person: SharedWithLeader.objects.filter(enrollment__member=person),
            fields("parts", "saved_at", **GROUP),
        ),
        Table(
            "proposals",
            lambda person: Proposal.objects.filter(share__enrollment__member=person),
            fields(
                "week",
                "kind",
                "content",
                "made_at",
                "state",
                "decided_at",
                share="share__public_id",
            ),
        ),
        Table(
            "who_opened_what",
            views_of,
            fields("at", "action", "share", by="leader"),
        ),
    ),
)


def register_room() -> None:
    register(ROOM)
