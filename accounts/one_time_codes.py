"""The codes that an app shows (RFC 6238): each one works once, and for a minute and a half.

allauth keeps the used ones in the cache, for 30 seconds. Here the database remembers the newest
step that was used, so that Redis may be away, and a code can be read over a shoulder in vain.
"""

import math
import time

import structlog
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt
from django.db import transaction

from accounts.encryption import Unreadable

logger = structlog.get_logger(__name__)
LAST_STEP = "last_step"


def step_of(*, secret: str, code: str) -> int | None:
    """Which of the steps around now the code belongs to: 30 seconds each, counted from 1970.

    Real time, as on the phone: the sandbox's clock does not move it.
    """
    for step in yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step))):
            return int(step)
    return None


@transaction.atomic
def use(*, factor: Authenticator, code: str) -> bool:
    """Whether the code opens, and opened nothing before. Two that come at once wait for each
    other at the factor's row."""
    try:
        return _use(factor, code)
    except Unreadable as error:
        logger.error("a second factor cannot be read", factor=factor.pk, error=str(error))
        return False


def _use(factor: Authenticator, code: str) -> bool:
    if factor.type == Authenticator.Type.RECOVERY_CODES:
        return bool(factor.wrap().validate_code(code))  # locks its row, and marks the code used
    locked = Authenticator.objects.select_for_update().filter(pk=factor.pk).first()
    if locked is None:
        return False
    step = step_of(secret=decrypt(locked.data["secret"]), code=code)
    if step is None or step <= locked.data.get(LAST_STEP, 0):
        return False
    locked.data[LAST_STEP] = step
    locked.save(update_fields=["data"])
    return True


def next_code(factor: Authenticator) -> tuple[str, int]:
    """The first code that was not used yet, and in how many seconds it will work: 0 for now."""
    now, period = time.time(), app_settings.TOTP_PERIOD
    step = max(int(now // period), factor.data.get(LAST_STEP, 0) + 1)
    code = format_hotp_value(hotp_value(decrypt(factor.data["secret"]), step))
    works_from = (step - app_settings.TOTP_TOLERANCE) * period
    return code, max(0, math.ceil(works_from - now))
