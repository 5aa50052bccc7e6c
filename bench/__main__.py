"""The command: `python -m bench --help`."""

import importlib
import json
import os
import platform
import signal
import sys
from types import FrameType

from bench import options
from bench.parts import ENDING, Parts


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(argv: list[str]) -> int:
    """Returns 0 with the result printed, 130 after Ctrl-C; raises what went wrong."""
    chosen = options.read(argv)
    for number in ENDING:
        signal.signal(number, interrupt)
    try:
        with Parts(show_queries=chosen.show_queries) as parts:
            parts.prepare_environment()
            # Not before: it imports the application, whose settings read the environment.
            result = importlib.import_module(f"bench.{chosen.name}").run(parts, chosen)
    except KeyboardInterrupt:
        return 130
    machine = {
        "cores": os.cpu_count(),
        "load_before": LOAD_BEFORE,
        "python": platform.python_version(),
    }
    settings = {"rounds": chosen.rounds, "web_processes": chosen.web_processes}
    sys.stdout.write(json.dumps({**result, **settings, "machine": machine}) + "\n")
    return 0


LOAD_BEFORE = [round(load, 2) for load in os.getloadavg()]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
