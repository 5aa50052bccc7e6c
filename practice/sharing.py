"""Who sees what of a member's practice, until when: signing, changing and ending a consent.

A consent is one row that is never edited but to end it. Whoever reads by it holds its row while
they read (`shared.opened`), so ending it waits for nobody longer than one page takes, and nothing
is read after it. Locks: Enrollment, then Share, then what is about the share.
"""

import dataclasses
import datetime as dt
import uuid
import zoneinfo
from typing import Self

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction

from accounts import audit
from accounts import services as accounts
from accounts.encryption import Unreadable
from accounts.models import Action, Role, Subject, User
from enrollment.models import Enrollment
from practice import consent
from practice.inviting import invite
from practice.models import Goal, Part, PractitionerRole, Proposal, Share
from practice.own import OwnPractice
from practice.stored import Texts
from practice.weeks import zone_of

MOST_STANDING = 5
AFTER_THE_LAST = dt.timedelta(weeks=4)
LONGEST = dt.timedelta(days=365)
DAY = dt.timedelta(days=1)

YOURSELF = "This is your own address. You see everything of yours already."
SHARED_ALREADY = (
    "You share with this person already. Open it in the list of those you share with, and change "
    "it there."
)
TOO_MANY = "You share with five people already. End one of these first, then come back."
ENDED_MEANWHILE = "This was ended meanwhile, so nothing was changed. You can begin anew."
DAY_OVER = "The last day that you chose is over meanwhile. Go back, and choose a later one."
NEW_WORDS = "The text has changed since you opened this page. Please read it once more."
UNREADABLE = "A name that cannot be shown right now"


class Refused(Exception):
    """Nothing was signed; the message says why, for the member."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Names(Texts):
    """The encrypted part of a consent: people as the member wrote them."""

    name: str = ""
    email: str = ""
    signature: str = ""

    @classmethod
    def of(cls, share: Share) -> Self:
        """For a page: one name that no key opens does not close the page to all others."""
        try:
            return cls.load(share.content)
        except Unreadable:
            return cls(name=UNREADABLE, signature=UNREADABLE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a member chose; `until` is the last day, on their own calendar."""

    name: str
    role: PractitionerRole
    parts: list[str]
    until: dt.date
    email: str = ""

    @property
    def role_words(self) -> str:
        return str(PractitionerRole(self.role).label)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """`key` becomes the consent's public id, so that a second press signs nothing twice."""

    key: uuid.UUID
    name: str
    terms_version: int
    ip: str | None = None


# --- Until when -------------------------------------------------------------------------


def latest_day(today: dt.date) -> dt.date:
    return today + LONGEST


def usual_day(practice: OwnPractice) -> dt.date:
    """Four weeks after the last session, or from today when that is over."""
    from_here = practice.today + AFTER_THE_LAST
    if not practice.weeks:
        return from_here
    after = practice.weeks[-1].first_day + AFTER_THE_LAST
    return min(after if after > practice.today else from_here, latest_day(practice.today))


def end_of(day: dt.date, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """The midnight with which that day ends."""
    return dt.datetime.combine(day + DAY, dt.time(), tzinfo=zone)


def last_day(share: Share, zone: zoneinfo.ZoneInfo) -> dt.date:
    """The day that was chosen."""
    return (share.ends_at - dt.timedelta(seconds=1)).astimezone(zone).date()


# --- Signing ----------------------------------------------------------------------------


def refusal(*, enrollment: Enrollment, email: str, now: dt.datetime) -> str:
    """Why an address will not do, as far as the member knows it themselves: empty when it may.

    `sign` asks again, of accounts. This compares what the member wrote, and so tells them of
    nobody's other addresses.
    """
    address, member = email.strip().lower(), enrollment.member
    own = EmailAddress.objects.filter(user=member, verified=True, email=address)
    if address == member.email.lower() or own.exists():
        return YOURSELF
    shares = enrollment.shares.standing(now)
    if any(Names.load(one.content).email.strip().lower() == address for one in shares):
        return SHARED_ALREADY
    return ""


@transaction.atomic
def sign(
    *, enrollment: Enrollment, choice: Choice, signature: Signature, now: dt.datetime
) -> Share:
    """Let somebody see what was chosen, and owe them an invitation. Raises Refused.

    Whether the address was known here makes no difference to what comes back.
    """
    _lock(enrollment)
    done = _signed_with(signature.key, enrollment, now)
    if done is not None:
        return done
    _read_the_words(signature)
    if enrollment.shares.standing(now).count() >= MOST_STANDING:
        raise Refused(TOO_MANY)
    person = _person_at(choice.email)
    if person == enrollment.member:
        raise Refused(YOURSELF)
    for earlier in enrollment.shares.filter(practitioner=person, withdrawn_at=None):
        if earlier.stands(now):
            raise Refused(SHARED_ALREADY)
        # It is over by its own date: ended then, so that there may be a new one.
        enrollment.shares.filter(pk=earlier.pk).update(withdrawn_at=earlier.ends_at)
    share = _create(enrollment, person, choice, signature, now)
    invite(share=share, now=now)
    return share


@transaction.atomic
def change(*, share: Share, choice: Choice, signature: Signature, now: dt.datetime) -> Share:
    """A new signature for the same person, which ends the old one. Raises Refused, and
    Share.DoesNotExist for one that was erased.

    Their proposals and the goals that they work on go along with a part that stays. Whoever has
    not come yet is invited anew: the old invitation leads nowhere.
    """
    enrollment = share.enrollment
    _lock(enrollment)
    done = _signed_with(signature.key, enrollment, now)
    if done is not None:
        return done
    _read_the_words(signature)
    old = Share.objects.select_for_update(no_key=True).filter(pk=share.pk).first()
    if old is None or not old.stands(now):  # erased, or ended
        raise Refused(ENDED_MEANWHILE)
    Share.objects.filter(pk=old.pk).update(withdrawn_at=now)
    email = Names.load(old.content).email
    kept = dataclasses.replace(choice, email=email)
    new = _create(enrollment, old.practitioner, kept, signature, now, accepted_at=old.accepted_at)
    if Part.PLAN in new.parts:
        Proposal.objects.filter(share=old).update(share=new)
    Goal.objects.filter(worked_on_with=old).update(
        worked_on_with=new if Part.GOALS in new.parts else None
    )
    if new.accepted_at is None:
        invite(share=new, now=now)
    _record_end(share, now, signature.ip)
    return new


@transaction.atomic
def withdraw(*, share: Share, now: dt.datetime, ip: str | None = None) -> bool:
    """End a consent at once. False when it was over before."""
    ended = Share.objects.standing(now).filter(pk=share.pk).update(withdrawn_at=now)
    if ended:
        Goal.objects.filter(worked_on_with=share).update(worked_on_with=None)
        _record_end(share, now, ip)
    return bool(ended)


@transaction.atomic
def work_on(*, enrollment: Enrollment, chosen: dict[uuid.UUID, Share | None]) -> None:
    """With whom the member works on each goal; None, or somebody whose consent was erased
    meanwhile, is by themselves. Others' goals stay."""
    _lock(enrollment)
    there = {share.pk: share for share in enrollment.shares.all()}
    for public_id, share in chosen.items():
        found = there.get(share.pk) if share else None
        enrollment.goals.filter(public_id=public_id, ended_at=None).update(worked_on_with=found)


def _record_end(share: Share, now: dt.datetime, ip: str | None) -> None:
    """For after a restore, which brings back what was ended since the dump."""
    audit.record(
        actor=share.enrollment.member,
        action=Action.SHARING_ENDED,
        subject_kind=Subject.SHARE,
        subject_id=share.public_id,
        now=now,
        ip=ip,
    )


def _lock(enrollment: Enrollment) -> None:
    Enrollment.objects.select_for_update(no_key=True).get(pk=enrollment.pk)


def _signed_with(key: uuid.UUID, enrollment: Enrollment, now: dt.datetime) -> Share | None:
    """What the same press signed before. What was ended since does not come back by it."""
    found = Share.objects.filter(public_id=key).first()
    if found is not None and (found.enrollment_id != enrollment.pk or not found.stands(now)):
        raise Refused(ENDED_MEANWHILE)
    return found


def _read_the_words(signature: Signature) -> None:
    if signature.terms_version != consent.CURRENT.version:
        raise Refused(NEW_WORDS)


def _person_at(address: str) -> User:
    """Whoever this address opens, or a new account that only a code to it opens.

    A new one has neither a password nor a name: what the member wrote stays in the consent.
    Compared letter by letter with what is stored, which is in lower case: the database's own
    capitals make one letter of two ("i" and a dotless one), and so one person of two.
    """
    email = address.strip().lower()
    confirmed = EmailAddress.objects.filter(email=email, verified=True).first()
    if confirmed is not None:
        owner: User = confirmed.user
        return owner
    known = User.objects.filter(email=email).first()
    if known is not None:
        return known
    try:
        with transaction.atomic():
            person = User.objects.create_user(email, role=Role.PRACTITIONER)
            accounts.add_address(user=person)
            return person
    except IntegrityError:  # somebody signed up with it at this moment
        return User.objects.get(email=email)


def _create(
    enrollment: Enrollment,
    person: User,
    choice: Choice,
    signature: Signature,
    now: dt.datetime,
    accepted_at: dt.datetime | None = None,
) -> Share:
    ends_at = end_of(choice.until, zone_of(enrollment.member.time_zone))
    if ends_at <= now:  # midnight came between the form and the signature
        raise Refused(DAY_OVER)
    names = Names(name=choice.name, email=choice.email, signature=signature.name)
    return Share.objects.create(
        public_id=signature.key,
        enrollment=enrollment,
        practitioner=person,
        role=choice.role,
        parts=[part for part in Part.values if part in choice.parts],
        content=names.dump(),
        terms_version=signature.terms_version,
        signed_at=now,
        ip=signature.ip,
        ends_at=ends_at,
        accepted_at=accepted_at,
    )
