"""How a member knows those who look at their goals with them: as the member wrote them when they
shared, or as the group knows whoever leads. Never by the name or the address of an account.
"""

from collections.abc import Mapping
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import LEADING, User
from practice.models import Share
from practice.sharing import Names

UNNAMED = "somebody you shared with"


def consent(*, person: str, field: str, member: str = "enrollment__member") -> Subquery:
    """A field of the member's latest consent with whoever stands in `person`, for `annotate`.

    `person` and `member` are ways from the row that is asked for.
    """
    with_them = Q(practitioner=OuterRef(person), enrollment__member=OuterRef(member))
    return Subquery(_latest_first(with_them).values(field)[:1])


def known_as(*, signed: object, role: str | None, display_name: str | None) -> str:
    """By the content of that consent, which may be None, and what the account says."""
    if isinstance(signed, Mapping) and (name := Names.load(dict[str, Any](signed)).name):
        return name
    return (display_name if role in LEADING else "") or UNNAMED


def name_of(*, person: User | None, member: User) -> str:
    """One query, when there is somebody."""
    if person is None:
        return UNNAMED
    with_them = Q(practitioner=person, enrollment__member=member)
    share = _latest_first(with_them).first()
    return known_as(
        signed=share.content if share else None,
        role=person.role,
        display_name=person.display_name,
    )


def _latest_first(which: Q) -> "QuerySet[Share]":
    return Share.objects.filter(which).order_by("-signed_at", "-pk")
