"""The hosted payment page, in the spirit of Stripe Checkout: /pay/<session>.

Works without JavaScript. Each button is one thing that can happen to a payment.
"""

from html import escape
from urllib.parse import parse_qs, urlencode

from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.frame import money, order_lines, page
from sandbox.stripe_standin.http_types import Request, Response, redirect
from sandbox.stripe_standin.store import JSON
from sandbox.stripe_standin.world import World

# The buttons of the page, and what the bank answers.
OUTCOMES = {
    "pay": "paid",
    "decline": "declined",
    "3ds": "requires_action",
    "later": "async",
    "complete": "authenticated",
    "fail": "authentication_failed",
}


def handle(world: World, request: Request) -> Response:
    _, _, id, *rest = request.path.split("/")
    with world.working():
        session = world.store.tables["checkout.session"].get(id)
        if session is None or rest not in ([], ["3ds"]):
            return _plain("This page does not exist", "The address may have been cut off.", 404)
        if request.method == "POST":
            return _press(world, session, request)
        if session["status"] == "expired":
            return _expired(session)
        if session["status"] == "complete":
            return _complete(session)
        if rest:
            return _three_d_secure(world, session)
        problem = "problem" in parse_qs(request.query)
        return _open(world, session, _trouble(world, session) if problem else "")


def _press(world: World, session: JSON, request: Request) -> Response:
    """A button was pressed: pay and move on, or back to the page that says what went wrong."""
    own = f"/pay/{session['id']}"
    form = parse_qs(request.body)
    outcome = OUTCOMES.get(form.get("do", [""])[0])
    if outcome is None or session["status"] != "open":
        return redirect(own)
    if outcome.startswith("authenticat") and not _waits_for_bank(world, session):
        return redirect(own)
    try:
        world.pay(session, outcome, email=form.get("email", [""])[0].strip())
    except Refusal:
        return redirect(own)
    if session["status"] == "complete":
        return redirect(_return_url(session))
    if outcome == "requires_action":
        return redirect(f"{own}/3ds")
    return redirect(f"{own}?{urlencode({'problem': 'declined'})}")


def _return_url(session: JSON) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _intent(world: World, session: JSON) -> JSON:
    return world.store.tables["payment_intent"].get(session["payment_intent"] or "", {})


def _waits_for_bank(world: World, session: JSON) -> bool:
    return _intent(world, session).get("status") == "requires_action"


def _trouble(world: World, session: JSON) -> str:
    error = _intent(world, session).get("last_payment_error") or {}
    message = error.get("message", "")
    return f"{message} You have not been charged. You can try again." if message else ""


def _open(world: World, session: JSON, trouble: str) -> Response:
    lines = world.store.own(session["id"])["lines"]
    product = escape(lines[0]["description"])
    amount = money(session["amount_total"], session["currency"])
    business = escape(world.config.business_name)
    note = session["custom_text"]["submit"]
    said = f'<p class="hint">{escape(note["message"])}</p>' if note else ""
    alert = f'<p class="trouble" role="alert">{escape(trouble)}</p>' if trouble else ""
    return page(
        f"Pay {amount} to {world.config.business_name}",
        f"""{alert}<div class="two">
<section aria-labelledby="what">
<p class="business">{business}</p>
<h1 id="what">{product}</h1>
<p class="amount">{amount}</p>
{order_lines(lines, session["amount_total"])}
{_back(session)}
</section>
<section class="card" aria-labelledby="how">
<h2 id="how">Pay by test card</h2>
<form method="post" action="/pay/{escape(session["id"])}">
{_email(session)}
{said}
<button class="first" name="do" value="pay">Pay</button>
<fieldset class="more">
<legend>Try what else can happen</legend>
<button name="do" value="decline">Pay with a card that is declined</button>
<button name="do" value="3ds">Pay with 3-D Secure</button>
<button name="do" value="later">Pay but the money arrives later</button>
</fieldset>
</form>
</section>
</div>""",
    )


def _email(session: JSON) -> str:
    known = session["customer_email"]
    if known:
        return f'<p class="hint">Email: {escape(known)}</p>'
    return (
        '<label for="email">Email <span>(optional)</span></label>'
        '<input id="email" name="email" type="email" autocomplete="email">'
        '<p class="hint">The stand-in sends no mail.</p>'
    )


def _back(session: JSON) -> str:
    url = session["cancel_url"]
    return f'<p><a class="back" href="{escape(url)}">Go back</a></p>' if url else ""


def _three_d_secure(world: World, session: JSON) -> Response:
    if not _waits_for_bank(world, session):
        return redirect(f"/pay/{session['id']}")
    amount = money(session["amount_total"], session["currency"])
    return page(
        "Confirm with your bank",
        f"""<div class="card single">
<h1>Confirm with your bank</h1>
<p>Your bank wants to know that it is you who pays <strong>{amount}</strong> to
{escape(world.config.business_name)}.</p>
<form method="post" action="/pay/{escape(session["id"])}/3ds">
<button class="first" name="do" value="complete">Complete authentication</button>
<button name="do" value="fail">Fail authentication</button>
</form>
</div>""",
    )


def _expired(session: JSON) -> Response:
    return _plain(
        "This payment page has expired",
        "You have not been charged. Go back to start again.",
        200,
        _back(session),
    )


def _complete(session: JSON) -> Response:
    on_its_way = session["payment_status"] == "unpaid"
    said = "Your payment is on its way." if on_its_way else "Your payment went through."
    button = f'<a class="button first" href="{escape(_return_url(session))}">Continue</a>'
    return _plain("You are done here", said, 200, button)


def _plain(title: str, text: str, status: int = 200, more: str = "") -> Response:
    main = f'<div class="card single"><h1>{title}</h1><p>{text}</p>{more}</div>'
    return page(title, main, status=status)
