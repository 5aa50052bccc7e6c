"""What each bench measures, in words, and how to make it smaller or larger."""

import argparse
import os

ROUNDS = 5


def _sizes(text: str) -> list[int]:
    return sorted(int(part) for part in text.split(","))


def _times(text: str) -> list[float]:
    return sorted(float(part) for part in text.split(","))


def _pages(parser: argparse.ArgumentParser) -> None:
    """The public list and a group's page, anonymous.

    Clients ask for the two in turn, over connections kept open. Raw: a bare Django view with
    one query, under the same server and on the same database. `made_anew_per_second` is the
    same with an address of its own for each request, so that no page is shared.
    """
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--groups", type=int, default=12, help="on the public list")


def _rush(parser: argparse.ArgumentParser) -> None:
    """Many signed-in members press “reserve” in the same moment, for fewer seats.

    Counts decisions until the last one is told. Raw: a bare view with a conditional UPDATE and
    an INSERT in one transaction.
    """
    parser.add_argument("--buyers", type=int, default=200)
    parser.add_argument("--seats", type=int, default=50)
    parser.add_argument("--groups", type=int, default=12, help="other groups with free seats")


def _enrol(parser: argparse.ArgumentParser) -> None:
    """Whole enrolments: reserve, go to pay, pay at the stand-in, webhook, worker, mail.

    An enrolment counts when the mail server has taken its confirmation. Raw: the claim of
    `rush`, with as many clients.
    """
    parser.add_argument("--orders", type=int, default=320, help="in each round")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--worker-processes", type=int, default=2)
    parser.add_argument(
        "--browse", action="store_true", help="open the pages between, as a browser would"
    )


def _links(parser: argparse.ArgumentParser) -> None:
    """The week's link mails, all due in the same minute, sent by several worker processes.

    The clock's task is enqueued, and time runs until the mail server has taken every mail.
    Raw: a script that sends the same bytes over as many connections kept open.

    Each size is measured with a mail server that answers at once, as none does, where the script
    only copies bytes; and with one whose every reply takes 1.5 ms, so that four connections
    carry some 650 mails a second. The result is the largest size with the slowest server;
    `others` has the rest.
    """
    parser.add_argument("--members", type=_sizes, default=[1000, 20000], metavar="N,N")
    parser.add_argument("--worker-processes", type=int, default=4)
    parser.add_argument(
        "--reply-ms",
        type=_times,
        default=[0.0, 1.5],
        metavar="T,T",
        help="how long the mail server takes for each reply",
    )


def _growth(parser: argparse.ArgumentParser) -> None:
    """Pages, reserve, tick and webhook, with more and more past enrolments in the database.

    One database and one server for each size, measured in turn. `ours` is the slowest figure's
    share of its time when empty: 1 is flat. There is no raw limit: `raw` is 1.
    """
    parser.add_argument("--sizes", type=_sizes, default=[0, 10_000, 1_000_000], metavar="N,N")
    parser.add_argument("--samples", type=int, default=30, help="of each figure in a round")


def _season(parser: argparse.ArgumentParser) -> None:
    """An admin's season page with very many groups, beside one group's page.

    One web process, one request after another. `season_over_group` is what the season's page
    takes of processor time, in the web process and in PostgreSQL, for each unit of one group's
    page: 2 is twice as much. Raw: a bare Django view with one query, under the same server.
    """
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--samples", type=int, default=60, help="of each page in a round")


def _desk(parser: argparse.ArgumentParser) -> None:
    """The money desk's pages, and the ticks of money with nothing due, after many enrolments.

    One database and one server for each size, measured in turn; one request after another.
    `ratios` is each figure's share of its time when empty, `worst_tick` the largest of a tick,
    which is to cost the same whatever the past holds. Raw: a bare Django view with one query.
    """
    parser.add_argument("--sizes", type=_sizes, default=[0, 10_000, 1_000_000], metavar="N,N")
    parser.add_argument("--samples", type=int, default=10, help="of each figure in a round")


OPTIONS = {
    "pages": _pages,
    "rush": _rush,
    "enrol": _enrol,
    "links": _links,
    "growth": _growth,
    "season": _season,
    "desk": _desk,
}


def read(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Grouport beside the raw limit of this machine, in the same run. "
        "Starts PostgreSQL, Redis, the server and all else that it needs, on this machine only, "
        "and leaves nothing behind. The last line is one JSON object; progress goes to stderr.",
    )
    benches = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, add in OPTIONS.items():
        words = (add.__doc__ or "").split("\n\n", 1)
        bench = benches.add_parser(name, help=words[0], description=add.__doc__)
        bench.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
        bench.add_argument("--web-processes", type=int, default=os.cpu_count() or 2)
        bench.add_argument("--web-threads", type=int, default=8, help="in each web process")
        bench.add_argument(
            "--show-queries", action="store_true", help="those it counted, on stderr"
        )
        add(bench)
    return parser.parse_args(argv)
