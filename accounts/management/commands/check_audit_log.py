"""`manage.py check_audit_log`: whether anybody changed what was written down."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from accounts import audit


class Command(BaseCommand):
    """Says how many entries are sound, or what the first flaw is, and then ends with 1."""

    help = "Walk the audit log's chain of hashes and say whether it is unbroken."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--kept",
            default="",
            metavar="HASH",
            help="The newest hash that an earlier check printed: it must still be there.",
        )

    def handle(self, *args: Any, kept: str, **options: Any) -> None:
        found = audit.check(kept=kept)
        number = f"{found.entries} entr{pluralize(found.entries, 'y,ies')}"
        if found.flaw:
            raise CommandError(f"{found.flaw} Before that: {number}, unbroken.")
        self.stdout.write(f"{number}, unbroken.")
        if found.newest:
            self.stdout.write(f"Newest: {found.newest}")
