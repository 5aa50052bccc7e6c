"""The same, and Stripe's SDK tries again as often as it would, only without the pauses."""

import stripe

from tests.faults.settings import *  # noqa: F403  all of them

stripe.HTTPClient.INITIAL_DELAY = 0.001
stripe.HTTPClient.MAX_DELAY = 0.002  # type: ignore[assignment]  # seconds, and the SDK's are whole
