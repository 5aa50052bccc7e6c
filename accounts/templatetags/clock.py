"""`{% load clock %}`: times in words, in the reader's zone unless another is named."""

import datetime as dt
import zoneinfo

from django import template
from django.utils import timezone

from accounts import clock

register = template.Library()


def _zone(name: str) -> zoneinfo.ZoneInfo | str:
    return name or timezone.get_current_timezone_name()


@register.filter
def day_and_time(at: dt.datetime | None, zone: str = "") -> str:
    return clock.day_and_time(at, _zone(zone)) if at else ""


@register.filter
def time_of_day(at: dt.datetime | None, zone: str = "") -> str:
    return clock.time_of_day(at, _zone(zone)) if at else ""


@register.filter
def day(at: dt.datetime | None, zone: str = "") -> str:
    return clock.day(at, _zone(zone)) if at else ""


@register.filter
def short_day(at: dt.datetime | None, zone: str = "") -> str:
    return clock.short_day(at, _zone(zone)) if at else ""


@register.filter
def in_words(at: dt.datetime | None, now: dt.datetime) -> str:
    return clock.in_words(at, now, _zone("")) if at else ""


@register.filter
def zone_label(zone: str) -> str:
    return clock.zone_label(zone)
