"""Promotion codes: using one for a seat, giving it back, making and ending one.

How often a code was used is counted by the database, under a lock of the code's row. It comes
after the enrolment in the order of locks.
"""

import datetime as dt
import re

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet

from accounts import audit
from accounts.models import Action, Subject, User
from billing import prices
from billing.checkout import HoldOver
from billing.models import CheckoutAttempt, PromotionCode, Redemption
from billing.models.prices import COUNTS
from enrollment.models import Enrollment
from enrollment.states import LIVE, Status
from sessions.pricing import price_from_week

UNKNOWN = "We don\u2019t know this code. Please check how it is written."
OVER = "This code has expired."
USED_UP = "This code has been used as often as it could be."
ELSEWHERE = "This code is for another group."
NO_USE = "This code would not make your price lower, so it was not used."
MOVING = "The price of a move to another group is agreed already, so no code was used."
HAS_ONE = "Only one code can be used for a seat. Take the code {code} off first."


class CodeRefused(Exception):
    """The code was not used; its words say why, for the member."""


class PageIsOpen(Exception):
    """A payment page with its price is open at Stripe until `until`."""

    def __init__(self, until: dt.datetime) -> None:
        super().__init__("A payment page is open.")
        self.until = until


# What a code can look like.
SHAPE = re.compile(r"[A-Z0-9-]{4,24}")


def normal(typed: str) -> str:
    """A code as it is stored: in capitals, without spaces."""
    return "".join(typed.split()).upper()


# --- For a seat -------------------------------------------------------------------------


@transaction.atomic
def redeem(*, whose: Q, typed: str, now: dt.datetime) -> Redemption:
    """Use a code for a held seat. The same code twice is the same use.

    Raises Enrollment.DoesNotExist, HoldOver, PageIsOpen, or CodeRefused with words.
    """
    enrollment = _open_to_change(whose, now)
    if prices.moving_to(enrollment) is not None:
        raise CodeRefused(MOVING)
    wanted = normal(typed)
    has = Redemption.objects.select_related("code").filter(enrollment=enrollment).first()
    if has is not None and has.code.counts_at(now):
        if has.code.code == wanted:
            return has
        raise CodeRefused(HAS_ONE.format(code=has.code))
    if not SHAPE.fullmatch(wanted):
        raise CodeRefused(UNKNOWN)  # not every text can be asked for
    code = PromotionCode.objects.select_for_update(no_key=True).filter(code=wanted).first()
    refuse_unless_usable(code, enrollment, now)
    assert code is not None
    if code.limit is not None and used(code) >= code.limit:
        raise CodeRefused(USED_UP)
    if has is not None:
        has.delete()  # one that does not count any more
    redemption = Redemption.objects.create(
        enrollment=enrollment,
        code=code,
        off_cents=enrollment.list_price_cents
        - prices.after_code(enrollment.list_price_cents, code),
        at=now,
    )
    if prices.offer(enrollment, now).source != prices.Source.CODE:
        raise CodeRefused(NO_USE)  # and nothing stays written
    return redemption


def refuse_unless_usable(
    code: PromotionCode | None, enrollment: Enrollment, now: dt.datetime
) -> None:
    """A code that has not begun is answered as one that nobody made."""
    if code is None or code.starts_at > now:
        raise CodeRefused(UNKNOWN)
    if not code.counts_at(now):
        raise CodeRefused(OVER)
    if not code.is_for(enrollment.cohort):
        raise CodeRefused(ELSEWHERE)


def used(code: PromotionCode) -> int:
    """How often it is in use or was paid with."""
    return Redemption.objects.filter(COUNTS, code=code).count()


@transaction.atomic
def give_back(*, whose: Q, now: dt.datetime) -> None:
    """Take a code off a held seat; nothing if there is none.

    Raises Enrollment.DoesNotExist, HoldOver or PageIsOpen.
    """
    Redemption.objects.filter(enrollment=_open_to_change(whose, now)).delete()


def _open_to_change(whose: Q, now: dt.datetime) -> Enrollment:
    """The held enrolment, locked, while no payment page has fixed its price."""
    enrollment = (
        Enrollment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("cohort")
        .get(whose)
    )
    if not enrollment.held_at(now):
        raise HoldOver
    begun = enrollment.attempts.filter(prices.asking(now)).order_by("expires_at").last()
    if begun is None:
        return enrollment
    if begun.status == CheckoutAttempt.Status.REVIEW:
        raise HoldOver
    raise PageIsOpen(begun.expires_at)


# --- For staff --------------------------------------------------------------------------


class CodeTaken(Exception):
    """There is a code of this name already, used or not."""


def codes() -> "QuerySet[PromotionCode]":
    """All codes, newest first, with `uses`, of which `unpaid` are seats kept at this moment."""
    counts = Q(redemptions__enrollment__confirmed_at__isnull=False) | Q(
        redemptions__enrollment__status__in=LIVE
    )
    known = PromotionCode.objects.select_related("cohort", "programme", "made_by").annotate(
        uses=Count("redemptions", filter=counts),
        unpaid=Count("redemptions", filter=Q(redemptions__enrollment__status=Status.HELD)),
    )
    return known.order_by("-made_at", "-pk")


def make_code(
    *, code: PromotionCode, actor: User, now: dt.datetime, ip: str | None = None
) -> PromotionCode:
    """Store a new code. Raises CodeTaken, as for the second of two presses."""
    code.made_by, code.made_at = actor, now
    try:
        with transaction.atomic():
            code.save(force_insert=True)
            _write_down(code, Action.CODE_MADE, actor, now, ip)
    except IntegrityError:
        if PromotionCode.objects.filter(code=code.code).exists():
            raise CodeTaken from None
        raise
    return code


@transaction.atomic
def end_code(*, code: PromotionCode, actor: User, now: dt.datetime, ip: str | None = None) -> bool:
    """From now on it takes nothing off a payment that begins. False if it was ended before."""
    ended = PromotionCode.objects.filter(pk=code.pk, ended_at=None).update(
        ended_at=now, ended_by=actor
    )
    if ended:
        _write_down(code, Action.CODE_ENDED, actor, now, ip)
    return bool(ended)


def _write_down(
    code: PromotionCode, action: Action, actor: User, now: dt.datetime, ip: str | None
) -> None:
    audit.record(
        actor=actor, action=action, subject_kind=Subject.CODE, subject_id=code.pk, now=now, ip=ip
    )


def examples(code: PromotionCode, price_cents: int) -> list[tuple[int, int]]:
    """What a group of that price costs with the code: the first week, and the cents from it on."""
    weeks = (1, 5, 9)
    return [(week, _with_code(code, price_from_week(price_cents, week))) for week in weeks]


def _with_code(code: PromotionCode, list_cents: int) -> int:
    return prices.reckon(
        list_cents=list_cents, currency="usd", code=code, personal_cents=None
    ).cents
