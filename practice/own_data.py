"""What this room keeps about a member, for that member."""

from django.db.models import QuerySet

from accounts.exports import Room, Table, fields, register
from accounts.models import AuditEntry, Subject, User
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


def views_of(person: User) -> "QuerySet[AuditEntry]":
    """The entries of the audit log about what this member shares."""
    shares = Share.objects.filter(enrollment__member=person)
    ids = [str(one) for one in shares.values_list("public_id", flat=True)]
    found = AuditEntry.objects.filter(subject_kind=Subject.SHARE, subject_id__in=ids)
    return found.order_by("pk")


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
        ),
        Table(
            "goals",
            lambda person: Goal.objects.filter(enrollment__member=person),
            {
                **fields("public_id", "slot", "content", "made_at", "saved_at", "agreed_at"),
                **fields("ended_at", agreed_with="agreed_by__display_name", **GROUP),
            },
        ),
        Table(
            "ratings",
            lambda person: GoalRating.objects.filter(goal__enrollment__member=person),
            fields(
                "week",
                "content",
                "rated_at",
                goal="goal__public_id",
                rated_by="rated_by__display_name",
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
            fields("at", "action", share="subject_id", by="actor__display_name"),
        ),
    ),
)


def register_room() -> None:
    register(ROOM)
