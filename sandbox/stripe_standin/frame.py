"""The frame of the stand-in's own pages: plain HTML, its own style, no script."""

import secrets
from html import escape
from pathlib import Path

from sandbox.stripe_standin.http_types import Response
from sandbox.stripe_standin.store import JSON

STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='4' fill='%233b3fb6'/%3E"
    "%3Crect x='3' y='5' width='10' height='6' rx='1' fill='white'/%3E%3C/svg%3E"
)


def page(title: str, main: str, *, css_class: str = "", status: int = 200) -> Response:
    """A whole page; `main` is HTML that is escaped already."""
    nonce = secrets.token_urlsafe(12)
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(title)}</title>
<link rel="icon" href="{ICON}">
<style nonce="{nonce}">{STYLE}</style>
</head>
<body>
<header><p class="test"><strong>Test mode.</strong> This is a stand-in for Stripe on this \
machine. No card is asked for and no money moves.</p></header>
<main class="{css_class}">
{main}
</main>
</body>
</html>
"""
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(status, text, "text/html", headers)


def money(cents: int, currency: str) -> str:
    amount = f"{cents / 100:,.2f}"
    return f"${amount}" if currency == "usd" else f"{amount} {currency.upper()}"


def order_lines(lines: list[JSON], total: int) -> str:
    """What is paid for, line by line."""
    rows = "".join(
        f"<div><dt>{escape(line['description'])}"
        + (f" ({line['quantity']} times)" if line["quantity"] > 1 else "")
        + f"</dt><dd>{money(line['amount_total'], line['currency'])}</dd></div>"
        for line in lines
    )
    currency = lines[0]["currency"]
    total_row = f'<div class="total"><dt>Total due</dt><dd>{money(total, currency)}</dd></div>'
    return f'<dl class="lines">{rows}{total_row}</dl>'
