"""What must never reach the payment processor, as one judgement over a log of requests."""

import json
import re
from collections.abc import Iterable
from typing import Any

# People of the builders, by whichever of their names.
NAMES = ("samira", "okafor", "noor", "rivers")
FORBIDDEN = {
    "an e-mail address": r"[^\s@]+@[^\s@]+|%40",
    "a person's name": "|".join(NAMES),
    "a phone number": r"\b\d{3}[ -]\d{3}[ -]\d{4}\b",
    "a clinical word": (
        r"\bdbt\b|therap|skills?\b|mindful|distress|emotion|mental|clinic|diagnos|crisis|"
        r"telehealth|patient|treatment|counsel|intake"
    ),
    "a meeting address": r"jit\.si|/join/|\bg-[0-9a-f]{36}\b",
    "a group's name": r"tuesday|evening",
}


def leaks(requests: Iterable[dict[str, Any]]) -> list[str]:
    """What stands in the requests' paths, parameters and keys and should not."""
    found = []
    for request in requests:
        said = json.dumps([request["path"], request["params"], request["headers"]])
        for what, pattern in FORBIDDEN.items():
            match = re.search(pattern, said, re.IGNORECASE)
            if match:
                found.append(f"{what} in {request['route']}: {match[0]}")
    return found
