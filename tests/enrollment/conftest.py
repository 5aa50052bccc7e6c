from collections.abc import Iterator

import pytest
import time_machine

from tests.enrollment.builders import NOW


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time that pages read: `NOW`, standing still until the test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
