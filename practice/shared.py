"""What a practitioner opens of what a member shares: asked at each click, and written down first.

    with opened(public_id=…, reader=…, part=Part.PLAN, now=now) as share:
        plan = …  # read here

The consent's row is held meanwhile, so a withdrawal either comes first, and nothing is read, or
waits for the page. The log's entry is part of the same transaction: without it nothing is read.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction

from accounts import audit
from accounts.models import Action, AuditEntry, Role, Subject, User
from enrollment.people import LOOK
from practice import sharing
from practice.models import Part, PractitionerRole, Share
from practice.sharing import Names
from practice.stored import rows_of
from practice.weeks import zone_of

READ: dict[Part, Action] = {
    Part.PLAN: Action.SHARED_PLAN_READ,
    Part.DIARY: Action.SHARED_DIARY_READ,
    Part.GOALS: Action.SHARED_GOALS_READ,
    Part.ATTENDANCE: Action.SHARED_ATTENDANCE_READ,
}
WITH = ("enrollment__member", "enrollment__cohort__programme")


@dataclass(frozen=True, slots=True)
class Sharing:
    """A consent as its practitioner sees it: with the member's name as they signed."""

    share: Share
    member: str

    @property
    def until(self) -> dt.date:
        return last_day(self.share)


def last_day(share: Share) -> dt.date:
    """As the member chose it, on their own calendar; their account is fetched along."""
    zone = zone_of(share.enrollment.member.time_zone)
    return sharing.last_day(share, zone)


def reads_here(person: User) -> bool:
    """Whether the pages under /care/ are for them: whoever was invited once, of any role."""
    if person.role == Role.PRACTITIONER:
        return True
    return Share.objects.filter(practitioner=person).exists()


def shared_with(*, reader: User, now: dt.datetime) -> list[Sharing]:
    """What stands now, by the member's name. One query."""
    shares = Share.objects.standing(now).filter(practitioner=reader).select_related(WITH[0])
    found = [Sharing(share, Names.of(share).signature) for share in rows_of(shares)]
    return sorted(found, key=lambda one: (one.member.casefold(), one.share.pk))


def standing(*, public_id: uuid.UUID, reader: User, now: dt.datetime) -> Share:
    """One of the reader's. Raises Share.DoesNotExist for one that is over, or somebody else's."""
    own = Share.objects.standing(now).filter(practitioner=reader)
    return own.select_related(*WITH).get(public_id=public_id)


def successor(*, public_id: uuid.UUID, reader: User, now: dt.datetime) -> Share | None:
    """What stands now between the two people of an earlier consent, which was changed, say."""
    earlier = Share.objects.filter(public_id=public_id, practitioner=reader)
    own = Share.objects.standing(now).filter(practitioner=reader)
    return own.filter(enrollment__in=earlier.values("enrollment")).first()


def accept(*, share: Share, now: dt.datetime) -> None:
    """The practitioner came, which the member sees; only the first time counts."""
    Share.objects.standing(now).filter(pk=share.pk, accepted_at=None).update(accepted_at=now)


@contextmanager
def held(
    *, public_id: uuid.UUID, reader: User, part: Part | None, now: dt.datetime
) -> Iterator[Share]:
    """The consent, which stays as it is until the block ends. Raises Share.DoesNotExist unless it
    shows the part now; without a part, unless it stands."""
    with transaction.atomic():
        share = (
            Share.objects.select_for_update(no_key=True, of=("self",))
            .select_related(*WITH)
            .get(public_id=public_id, practitioner=reader)
        )
        if not (share.shows(part, now) if part else share.stands(now)):
            raise Share.DoesNotExist
        yield share


@contextmanager
def opened(
    *, public_id: uuid.UUID, reader: User, part: Part, now: dt.datetime, ip: str | None = None
) -> Iterator[Share]:
    """As `held`, for reading: the look is written down first."""
    with held(public_id=public_id, reader=reader, part=part, now=now) as share:
        _write_down(share, READ[part], reader, now, ip)
        if share.accepted_at is None:  # a link to a part leads past the overview
            accept(share=share, now=now)
        yield share


@contextmanager
def taken(
    *, public_id: uuid.UUID, reader: User, now: dt.datetime, ip: str | None = None
) -> Iterator[Share]:
    """As `opened`, for a copy of whatever is shared: each one is written down."""
    with held(public_id=public_id, reader=reader, part=None, now=now) as share:
        _record(share, Action.SHARED_TAKEN, reader, now, ip)
        yield share


def _write_down(
    share: Share, action: Action, reader: User, now: dt.datetime, ip: str | None
) -> None:
    """A reload within ten minutes is the same look."""
    looks = AuditEntry.objects.filter(
        subject_kind=Subject.SHARE, subject_id=str(share.public_id), action=action, actor=reader
    )
    if not looks.filter(at__gt=now - LOOK).exists():
        _record(share, action, reader, now, ip)


def _record(share: Share, action: Action, reader: User, now: dt.datetime, ip: str | None) -> None:
    audit.record(
        actor=reader,
        action=action,
        subject_kind=Subject.SHARE,
        subject_id=share.public_id,
        now=now,
        ip=ip,
    )


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody with whom the member shares a part, as the member wrote them."""

    share: Share
    name: str
    role: str


def colleagues(*, share: Share, part: Part, now: dt.datetime) -> dict[int, Colleague]:
    """Everybody who sees this part now, the reader too, by their consent's key. One query."""
    shares = rows_of(Share.objects.standing(now).filter(enrollment=share.enrollment_id))
    return {
        one.pk: Colleague(one, Names.of(one).name, PractitionerRole(one.role).label)
        for one in shares
        if part in one.parts
    }
