"""`python -m grouport.healthcheck`: does the web process beside me answer? For containers."""

import os
import sys
import urllib.request
from urllib.parse import urlsplit


def main() -> int:
    """0 when /healthz answers 200 under the site's own name, which ALLOWED_HOSTS knows."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/healthz",
        headers={"Host": urlsplit(os.environ["SITE_URL"]).netloc},
    )
    try:
        with urllib.request.urlopen(request, timeout=8) as answer:  # noqa: S310  our own address
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(error, file=sys.stderr)  # noqa: T201  the container's log
        return 1


if __name__ == "__main__":
    sys.exit(main())
