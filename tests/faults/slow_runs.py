"""A worker that imports this takes its time in the middle of each person of a run: after the
decision was written, and before its transaction ends."""

import os
import time
from typing import Any

from billing import decisions
from billing.models import RefundDecision

SECONDS = float(os.environ.get("RUN_SECONDS", "0.4"))
decide = decisions.decide


def slowly(**how: Any) -> RefundDecision:
    decision = decide(**how)
    time.sleep(SECONDS)
    return decision


decisions.decide = slowly
