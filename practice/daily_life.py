"""A member's look at the areas of their daily life: reading it, and saving one area of it."""

import dataclasses
import datetime as dt

from django.db import transaction

from accounts.models import User
from practice.changes import ChangedMeanwhile
from practice.looks import Look, dump_all, load_all
from practice.models import Profile


def looks_of(*, member: User) -> dict[str, Look]:
    """By area, each of the six. One query."""
    profile = Profile.objects.filter(member=member).first()
    return load_all(profile.content if profile else {})


@transaction.atomic
def save_look(*, member: User, area: str, look: Look, seen: int, now: dt.datetime) -> None:
    """Store one area; the others stay as they are. `seen` is the revision that its page showed.

    Saving twice what stands is saving it once. Raises ChangedMeanwhile when another page has saved
    something else about this area since.
    """
    # Locked, so that two pages about two areas do not write over each other.
    profile, _ = Profile.objects.select_for_update().get_or_create(
        member=member, defaults={"content": {}, "saved_at": now, "revision": 0}
    )
    looks = load_all(profile.content)
    standing = looks[area]
    if standing.revision and look.says_the_same_as(standing):
        return
    if standing.revision != seen:
        raise ChangedMeanwhile
    profile.revision += 1
    looks[area] = dataclasses.replace(look, revision=profile.revision)
    profile.content, profile.saved_at = dump_all(looks), now
    profile.save(update_fields=["content", "saved_at", "revision"])
