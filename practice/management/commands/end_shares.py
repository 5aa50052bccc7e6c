"""`manage.py end_shares`: after a restore, ends again what members had ended since the dump."""

import sys
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from practice import sharing
from practice.models import Share


class Command(BaseCommand):
    """Reads subjects of the audit log's entries, one a line: of `sharing.ended` a consent's id, of
    `practice.erased` an enrolment's number, whose consents all end. It can be run again.

    Each end is written into the log as its member's, so that the next restore finds it too.
    """

    help = "End consents by the ids on standard input: see docs/operations.md, Backup."

    def handle(self, *args: Any, **options: Any) -> None:
        consents, enrollments = set(), set()
        for line in sys.stdin.read().split():
            try:
                if line.isdecimal():
                    enrollments.add(int(line))
                else:
                    consents.add(uuid.UUID(line))
            except ValueError:
                raise CommandError(f"Nothing was ended: {line} is no id.") from None
        now = timezone.now()
        found = Share.objects.standing(now).filter(
            Q(public_id__in=consents) | Q(enrollment__in=enrollments)
        )
        # Unread, so that also what no key opens can be ended.
        shares = found.defer("content").select_related("enrollment__member")
        ended = sum(sharing.withdraw(share=share, now=now) for share in shares)
        self.stdout.write(f"{ended} ended.")
