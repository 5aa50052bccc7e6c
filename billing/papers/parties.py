"""Who issues a paper and for whom, and the words that all papers have for a time."""

import datetime as dt
from dataclasses import dataclass
from typing import Self

from django.conf import settings
from django.utils import dateformat

from accounts.clock import local, time_of_day, zone_label
from billing.papers.paper import Fact


@dataclass(frozen=True, slots=True)
class Provider:
    """The practice's legal details; empty where nobody has set one."""

    name: str
    address: str
    phone: str
    ein: str
    npi: str
    license: str

    @classmethod
    def from_settings(cls) -> Self:
        return cls(
            name=settings.PROVIDER_NAME,
            address=settings.PROVIDER_ADDRESS,
            phone=settings.PROVIDER_PHONE,
            ein=settings.PROVIDER_EIN,
            npi=settings.PROVIDER_NPI,
            license=settings.PROVIDER_LICENSE,
        )

    @property
    def known_to_insurers(self) -> bool:
        return bool(self.npi and self.ein)

    def briefly(self) -> tuple[Fact, ...]:
        """For a receipt, which tells nothing of the field that the practice works in."""
        return (
            Fact("From", self.name),
            Fact("Address", self.address),
            Fact("Phone", self.phone),
            Fact("Tax number (EIN)", self.ein),
        )

    def in_full(self) -> tuple[Fact, ...]:
        return (
            *self.briefly(),
            Fact("Provider number (NPI)", self.npi),
            Fact("License", self.license),
        )


@dataclass(frozen=True, slots=True)
class Person:
    """For whom a paper is; `born` is None where it is not known or does not belong."""

    name: str
    born: dt.date | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (
            Fact("For", self.name),
            Fact("Date of birth", date_words(self.born) if self.born else ""),
        )


def date_words(day: dt.date) -> str:
    """As in "October 6, 2026"."""
    return dateformat.format(day, "F j, Y")


def day_words(at: dt.datetime, zone: str) -> str:
    """The day of an instant in that zone, as in "Oct 6, 2026"."""
    return dateformat.format(local(at, zone), "M j, Y")


def moment_words(at: dt.datetime, zone: str) -> str:
    """As in "Oct 6, 2026, 6:02 PM Eastern"."""
    return f"{day_words(at, zone)}, {time_of_day(at, zone)}"


def span_words(starts_at: dt.datetime, ends_at: dt.datetime, zone: str) -> str:
    """As in "6:00 PM to 7:00 PM Eastern"."""
    return f"{dateformat.format(local(starts_at, zone), 'g:i A')} to {time_of_day(ends_at, zone)}"


def zone_note(zone: str) -> str:
    """Which zone the days and times of a paper are in, for a reader somewhere else."""
    return f"Days and times on this paper are in the group\u2019s zone: {zone_label(zone)} time."
