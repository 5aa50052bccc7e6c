"""The week's link mails to everybody at once, beside a script that sends the same bytes."""

import smtplib
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from bench import bulk
from bench.load import fan_out
from bench.parts import DATABASE, Parts
from bench.rounds import Round, WrongResult, compare, say, take_turns
from bench.sink import SinkLog, read_spool
from enrollment.tasks import promise_due_links
from outbox.models import Message, State
from sandbox.ports import HOST

PATIENCE_SECONDS = 900
HOURS_BEFORE = 20
SENDER = "hello@grouport.test"


def run(parts: Parts, options: Namespace) -> dict[str, Any]:
    parts.fill()
    parts.start_workers(options.worker_processes)
    results = []
    model = bulk.write_model(now=timezone.now())
    loaded = 0
    for members in options.members:
        now = timezone.now()
        crowd = bulk.Crowd(
            prefix=f"due{members}",
            members=members - loaded,
            model=model,
            first=bulk.due_in(now=now, hours=HOURS_BEFORE),
        )
        with parts.postgres.connect(DATABASE) as database:
            crowd.write(database)
            database.execute("VACUUM ANALYZE")
        loaded = members
        bodies, queries = _keep_all(parts, members)
        for reply_ms in options.reply_ms:
            say(f"{members} members, replies after {reply_ms} ms")
            found = _measure(parts, bodies, reply_ms, options)
            results.append({**found, "queries": queries, "reply_ms": reply_ms})
    headline = results.pop()
    return {**headline, "others": results}


def _measure(
    parts: Parts, bodies: list[tuple[str, bytes]], reply_ms: float, options: Namespace
) -> dict[str, Any]:
    senders, members = options.worker_processes, len(bodies)
    spent: Counter[str] = Counter()
    mail = parts.start_sink(reply_ms=reply_ms)
    accepted_before = mail.total

    def ours(number: int) -> Round:
        before = parts.cpu_seconds()
        found = _send_all(parts, mail, members)
        spent.update({name: used - before[name] for name, used in parts.cpu_seconds().items()})
        return found

    def raw(number: int) -> Round:
        return _script(parts, mail, bodies, senders)

    rounds = take_turns(options.rounds, ours, raw)
    _wait_for_workers(parts)
    parts.stop("sink")
    accepted = mail.total - accepted_before
    sent = members * (options.rounds + 1)
    return compare(
        "links",
        "mails/s",
        *rounds,
        members=members,
        cpu_ms_per_mail={name: round(s * 1000 / sent, 3) for name, s in spent.items()},
        mail_bytes=sum(len(body) for _, body in bodies) // len(bodies),
        accepted=accepted,
        expected=2 * sent,
        worker_processes=senders,
    )


def _keep_all(parts: Parts, members: int) -> tuple[list[tuple[str, bytes]], dict[str, float]]:
    """Send everything once, to have the bytes for the script and to count queries."""
    spool = parts.folder / "spool"
    spool.unlink(missing_ok=True)
    mail = parts.start_sink(spool=spool)
    with parts.postgres.counting() as asked:
        _send_all(parts, mail, members)
        _wait_for_workers(parts)
    parts.stop("sink")
    return read_spool(spool), asked.each(members)


def _send_all(parts: Parts, mail: SinkLog, members: int) -> Round:
    """From the clock's tick until the mail server has taken every mail."""
    _empty_outbox(parts)
    mail.forget()
    started = time.time()
    promise_due_links.delay()
    return _finished(parts, mail, members, started)


def _empty_outbox(parts: Parts) -> None:
    """Each round begins with no mails."""
    _wait_for_workers(parts)
    with parts.postgres.connect(DATABASE) as database:
        database.execute("TRUNCATE outbox_message")


def _wait_for_workers(parts: Parts) -> None:
    """Until they have marked what they have sent."""
    unfinished = Message.objects.exclude(state=State.SENT)
    parts.wait_until("the workers", lambda: not unfinished.exists())


def _finished(parts: Parts, mail: SinkLog, members: int, started: float) -> Round:
    """Wait for the last mail. Raises WrongResult unless each member got exactly one."""
    parts.wait_until("mails", lambda: mail.count() >= members, PATIENCE_SECONDS)
    taken = mail.taken()
    people = len({one.recipient for one in taken})
    letters = len({one.message_id for one in taken})
    if not len(taken) == people == letters == members:
        raise WrongResult(f"{len(taken)} mails, {letters} ids, {people} people, not {members}.")
    ended = max(one.at for one in taken)
    return Round(members / (ended - started), [one.at - started for one in taken])


def _script(parts: Parts, mail: SinkLog, bodies: list[tuple[str, bytes]], senders: int) -> Round:
    """The same bytes over connections kept open, by as many processes."""

    def work(number: int, go: Callable[[], None]) -> float:
        with smtplib.SMTP(HOST, parts.email_port) as server:
            server.ehlo()
            go()
            started = time.time()
            for recipient, body in bodies[number::senders]:
                server.sendmail(SENDER, [recipient], body)
        return started

    mail.forget()
    started = min(fan_out(senders, work))
    return _finished(parts, mail, len(bodies), started)
