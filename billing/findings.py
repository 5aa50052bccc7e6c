"""Writing down what differs between our books and Stripe's: once per object and kind."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import structlog

from billing import comparison
from billing.comparison import Found, Pair
from billing.models import Difference, Reconciliation

log = structlog.get_logger("grouport.billing")

# A person has seen that the two sides differ, and left it so.
ACCEPTED = (Difference.How.BY_HAND, Difference.How.OTHERWISE)


def record(
    pairs: Iterable[Pair],
    about: Difference.About,
    ids: Iterable[str],
    *,
    now: dt.datetime,
    run: Reconciliation | None = None,
) -> None:
    """Write what differs, once per object and kind; close what does not differ any more.

    What a person settled stays settled unless it is another difference by now.
    """
    found = {one.key: one for pair in pairs for one in comparison.differing(pair)}
    known = Difference.objects.in_bulk(list(found), field_name="key")
    for key, one in found.items():
        if key in known:
            _seen_again(known[key], one, now, run)
    new = [_difference(one, now, run) for key, one in found.items() if key not in known]
    Difference.objects.bulk_create(new, ignore_conflicts=True)
    for row in new:
        log.error("books_differ", kind=row.kind, about=row.about, object=row.stripe_id)
    gone = Difference.objects.filter(about=about, stripe_id__in=list(ids), resolved_at=None)
    gone.exclude(key__in=list(found)).update(
        resolved_at=now, how=Difference.How.GONE, left_cents=None
    )


def _said(found: Found) -> dict[str, Any]:
    return {
        "ours_cents": found.ours_cents,
        "theirs_cents": found.theirs_cents,
        "ours": found.ours[:80],
        "theirs": found.theirs[:80],
    }


def _difference(found: Found, now: dt.datetime, run: Reconciliation | None) -> Difference:
    return Difference(
        key=found.key,
        run=run,
        kind=found.kind,
        about=found.pair.about,
        stripe_id=found.pair.stripe_id,
        enrollment_id=found.pair.enrollment_id,
        currency=found.currency,
        ours_currency=found.ours_currency,
        first_seen_at=now,
        last_seen_at=now,
        **_said(found),
    )


def _seen_again(
    row: Difference, found: Found, now: dt.datetime, run: Reconciliation | None
) -> None:
    said = _said(found)
    same = all(getattr(row, name) == value for name, value in said.items())
    opens = bool(row.resolved_at) and not (same and row.how in ACCEPTED)
    if opens or not same:
        # An import may succeed now, and what was left was left of something else.
        said |= {"in_vain_at": None, "left_cents": None}
    # Columns of their own: somebody may settle it at this moment.
    rows = Difference.objects.filter(pk=row.pk)
    rows.update(
        **said,
        last_seen_at=now,
        run=run or row.run_id,
        ours_currency=found.ours_currency,
        enrollment=found.pair.enrollment_id or row.enrollment_id,  # money moves along
    )
    if opens:
        rows.filter(resolved_at=row.resolved_at).update(
            resolved_at=None, resolved_by=None, how="", note=""
        )
