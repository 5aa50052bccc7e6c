from collections.abc import Iterator

import pytest
import time_machine

from tests.practice.builders import IN_WEEK_2


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time that pages read: in the second week, standing still until the test moves it."""
    with time_machine.travel(IN_WEEK_2, tick=False) as traveller:
        yield traveller
