"""People who enrol one after another over HTTP, and try again when something failed."""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

from bench import people
from bench.client import Answer, Connection, get
from bench.people import Member
from sandbox.stripe_standin.process import Standin

SEATS = 8
BETWEEN_TRIES = 0.05  # seconds
KIND_WORDS = b"It is not your fault"
TELLTALE = (b"Traceback", b"Exception", b"Error at", b"psycopg", b"SELECT ", b"/site-packages/")


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that was not the expected one; `asked_at` is of time.monotonic()."""

    request: str
    asked_at: float
    answer: Answer

    @property
    def unkind(self) -> str:
        """What is wrong with the failure's page; empty when nothing is."""
        answer = self.answer
        if answer.status not in (500, 503):
            return f"status {answer.status}"
        if not answer.header("content-type").startswith("text/html"):
            return answer.header("content-type")
        if KIND_WORDS not in answer.body:
            return repr(answer.body[:300])
        return ", ".join(word.decode() for word in TELLTALE if word in answer.body)


class Customers:
    """`with Customers(...):` several clients enrol people until the block is left.

    Each reads the list, reserves, reads the payment page, goes to Stripe, pays and comes back.
    Leaving the block waits until everybody who had begun is through; raises what a client raised.
    """

    def __init__(self, *, clients: int, supply: int, web: int, standin: Standin) -> None:
        """`supply` is how many people there are at most; makes their accounts and groups."""
        self._web, self._standin = web, standin
        groups = people.open_groups(-(-supply // SEATS), prefix="shop", capacity=SEATS)
        self._waiting: queue.Queue[tuple[Member, str]] = queue.Queue()
        for place, member in enumerate(people.sign_in(supply)):
            self._waiting.put((member, groups[place // SEATS].slug))
        self.enrolled: list[Member] = []
        self.failures: list[Failure] = []
        self._errors: list[Exception] = []
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> "Customers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(timeout=60)
        if error is None:
            self.check()
            assert not any(thread.is_alive() for thread in self._threads)

    def check(self) -> None:
        """Raises what a client has raised."""
        if self._errors:
            raise self._errors[0]

    def since(self, moment: float) -> Sequence[Failure]:
        """What failed of the requests that were sent after that moment."""
        return [failure for failure in list(self.failures) if failure.asked_at > moment]

    def _run(self) -> None:
        try:
            connection = Connection(self._web)
            while not self._closing.is_set():
                member, group = self._waiting.get_nowait()
                self._enrol(connection, member, group)
                self.enrolled.append(member)
        except Exception as error:
            self._errors.append(error)

    def _enrol(self, connection: Connection, member: Member, group: str) -> None:
        def ask(request: bytes, expected: int) -> Answer:
            return self._ask(connection, request, expected)

        ask(get("/"), 200)
        pay = ask(member.reserve(group), 302).header("location")
        ask(member.open(pay), 200)
        page = urlsplit(ask(member.press(pay), 302).header("location"))
        self._standin.control("pay", session=page.path.rpartition("/")[2])
        ask(member.open(f"{pay}return/"), 200)

    def _ask(self, connection: Connection, request: bytes, expected: int) -> Answer:
        while True:
            asked_at = time.monotonic()
            answer = connection.ask(request)
            if answer.status == expected:
                return answer
            line = request.split(b"\r\n", 1)[0].decode()
            self.failures.append(Failure(line, asked_at, answer))
            if self.failures[-1].unkind:
                raise AssertionError(f"{line}: {self.failures[-1].unkind}")
            time.sleep(BETWEEN_TRIES)
