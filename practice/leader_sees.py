"""What a member's own pages say about whoever leads their group."""

from enrollment.states import LIVE
from practice.for_leaders import parts_of
from practice.own import OwnPractice


def leader_sees(practice: OwnPractice) -> tuple[str, ...] | None:
    """The parts; None when nobody leads them any more: they left, or the last session is over.

    Without a query, of what `own_practice` fetched.
    """
    enrollment = practice.enrollment
    sessions = enrollment.cohort.group_sessions.all()
    to_come = any(one.ends_at > practice.now for one in sessions if one.cancelled_at is None)
    if not to_come or enrollment.status not in LIVE:
        return None
    return chosen(practice)


def chosen(practice: OwnPractice) -> tuple[str, ...]:
    """The parts, whether anybody leads them now or not. Without a query, as above."""
    row = getattr(practice.enrollment, "shared_with_leader", None)
    return parts_of(row, practice.latest_for_leaders)
