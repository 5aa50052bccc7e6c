"""What members write about their days is encrypted; rows say only whose it is, and when."""

from practice.models.diary import DiaryEntry
from practice.models.goals import RATED_WEEKS, Goal, GoalRating
from practice.models.plans import Profile, WeekPlan
from practice.models.sharing import Part, PractitionerRole, Proposal, Share, SharedWithLeader

__all__ = [
    "RATED_WEEKS",
    "DiaryEntry",
    "Goal",
    "GoalRating",
    "Part",
    "PractitionerRole",
    "Profile",
    "Proposal",
    "Share",
    "SharedWithLeader",
    "WeekPlan",
]
