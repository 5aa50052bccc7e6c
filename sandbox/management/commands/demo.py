"""`manage.py demo`: fill a development database with people and groups to look at."""

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sandbox import demo


class Command(BaseCommand):
    help = "Stores demo people and groups, relative to today. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError("Demo data is for development; this installation is a real one.")
        logging.disable(logging.INFO)  # a line for each payment is no news
        try:
            made = demo.load(now=timezone.now())
        finally:
            logging.disable(logging.NOTSET)
        groups = ", ".join(cohort.name for cohort in made)
        self.stdout.write(f"Demo data: {groups}." if made else "Demo data: nothing to add.")
