"""The hosted payment page, the controls over HTTP, and the command."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.stripe_standin.process import Standin, start
from tests.sandbox.stripe_contract import order, sdk

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def standin() -> Iterator[Standin]:
    with start(business_name="Quiet Harbour") as running:
        yield running


@pytest.fixture
def client(standin: Standin) -> stripe.StripeClient:
    return sdk(standin)


@pytest.fixture
def session(standin: Standin, client: stripe.StripeClient) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.create(order(standin))


def press(url: str | None, button: str, **more: str) -> requests.Response:
    assert url is not None
    return requests.post(url, data={"do": button, **more}, allow_redirects=False, timeout=10)


def see(url: str | None) -> requests.Response:
    assert url is not None
    return requests.get(url, timeout=10)


def test_the_page_shows_what_is_paid_for_and_what_can_happen(
    session: stripe.checkout.Session,
) -> None:
    page = see(session.url)
    assert page.status_code == 200
    for said in (
        *("12-week program", "$299.00", "Test mode", "Quiet Harbour", "member@example.com"),
        *(">Pay<", ">Pay with a card that is declined<", ">Pay with 3-D Secure<"),
        *(">Pay but the money arrives later<", ">Go back<"),
    ):
        assert said in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_paying_leads_back_to_the_app_with_the_sessions_id(
    session: stripe.checkout.Session, client: stripe.StripeClient
) -> None:
    done = press(session.url, "pay")
    assert done.status_code == 303
    assert done.headers["Location"] == (f"http://127.0.0.1:8000/pay/1/return/?session={session.id}")
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert "Your payment went through" in see(session.url).text
    assert press(session.url, "pay").status_code == 303  # pressed twice: paid once
    assert len(client.v1.charges.list().data) == 1


def test_a_declined_card_is_said_and_can_be_followed_by_another(
    session: stripe.checkout.Session, client: stripe.StripeClient, standin: Standin
) -> None:
    back = press(session.url, "decline")
    page = see(standin.url + back.headers["Location"])
    assert "Your card was declined. You have not been charged." in page.text
    assert press(session.url, "pay").headers["Location"].startswith("http://127.0.0.1:8000/")


@pytest.mark.parametrize(("button", "status"), [("complete", "complete"), ("fail", "open")])
def test_3d_secure_asks_the_bank_in_between(
    session: stripe.checkout.Session,
    client: stripe.StripeClient,
    standin: Standin,
    button: str,
    status: str,
) -> None:
    to_bank = press(session.url, "3ds").headers["Location"]
    assert "Complete authentication" in see(standin.url + to_bank).text
    press(standin.url + to_bank, button)
    assert client.v1.checkout.sessions.retrieve(session.id).status == status
    if button == "fail":
        page = see(f"{session.url}?problem=declined")
        assert "unable to authenticate" in page.text


def test_the_bank_cannot_be_answered_before_it_asked(
    session: stripe.checkout.Session, client: stripe.StripeClient
) -> None:
    press(session.url, "complete")
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_money_that_arrives_later_leaves_the_session_complete_and_unpaid(
    session: stripe.checkout.Session, client: stripe.StripeClient
) -> None:
    assert press(session.url, "later").status_code == 303
    waiting = client.v1.checkout.sessions.retrieve(session.id)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert "on its way" in see(session.url).text


def test_an_expired_page_says_so_and_takes_no_money(
    session: stripe.checkout.Session, client: stripe.StripeClient, standin: Standin
) -> None:
    standin.control("clock", advance=3600)
    page = see(session.url)
    assert (page.status_code, "has expired" in page.text) == (200, True)
    press(session.url, "pay")
    assert client.v1.charges.list().data == []


def test_a_page_that_does_not_exist_is_404(standin: Standin) -> None:
    assert see(f"{standin.url}/pay/cs_test_nothing").status_code == 404


def test_what_the_app_sent_cannot_become_markup(
    standin: Standin, client: stripe.StripeClient
) -> None:
    params: Any = order(standin, customer_email=None)
    params["line_items"][0]["price_data"]["product_data"]["name"] = "<b>x</b>"
    page = see(client.v1.checkout.sessions.create(params).url)
    assert "<b>x</b>" not in page.text
    assert "&lt;b&gt;x" in page.text


# --- Controls over HTTP -------------------------------------------------------------------


def control(standin: Standin, name: str, **arguments: Any) -> requests.Response:
    return requests.post(f"{standin.url}/_control/{name}", json=arguments, timeout=10)


def test_controls_and_reports_work_over_http(
    standin: Standin, session: stripe.checkout.Session
) -> None:
    assert control(standin, "pay", session=session.id).json()["status"] == "complete"
    assert control(standin, "clock", advance=60).json()["offset"] == 60
    assert control(standin, "clock", reset=True).json()["offset"] == 0
    books = see(f"{standin.url}/_control/books").json()
    assert books["totals"]["charged"] == 29900
    assert books["rows"][0]["session"] == session.id
    logged = see(f"{standin.url}/_control/requests").json()
    assert logged[0]["params"]["client_reference_id"] == "attempt-1"
    assert logged[0]["reply"]["id"] == session.id
    assert "authorization" not in logged[0]["headers"]


def test_a_wrong_control_says_what_is_wrong(standin: Standin) -> None:
    assert control(standin, "fly").status_code == 404
    wrong = control(standin, "pay", sesion="cs")
    assert wrong.status_code == 400
    assert "sesion" in wrong.json()["error"]["message"]
    assert control(standin, "pay", session="cs_test_nothing").status_code == 404


def test_another_sites_page_cannot_work_the_controls(standin: Standin) -> None:
    foreign = requests.post(
        f"{standin.url}/_control/clock",
        data={"advance": "60"},
        headers={"Origin": "https://evil.example"},
        timeout=10,
    )
    assert foreign.status_code == 403
    assert standin.report("clock")["offset"] == 0


def test_the_controls_have_a_page_for_people(
    standin: Standin, session: stripe.checkout.Session
) -> None:
    html = {"Accept": "text/html"}
    page = requests.get(f"{standin.url}/_control/", headers=html, timeout=10)
    assert session.id in page.text
    done = requests.post(
        f"{standin.url}/_control/pay",
        data={"session": session.id, "outcome": "paid", "force": "false"},
        headers=html,
        timeout=10,
    )
    assert done.status_code == 200
    assert "Charged $299.00" in done.text
    wrong = requests.post(
        f"{standin.url}/_control/pay", data={"session": "x"}, headers=html, timeout=10
    )
    assert (wrong.status_code, "No such" in wrong.text) == (400, True)


# --- The command --------------------------------------------------------------------------


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sandbox.stripe_standin", *arguments]


def wait_for_port(path: Path) -> str:
    for _ in range(200):
        if path.exists():
            return path.read_text().strip()
        time.sleep(0.05)
    raise AssertionError("the stand-in did not start")


def test_the_command_keeps_its_state_over_a_restart(tmp_path: Path) -> None:
    state, port_file = tmp_path / "state.json", tmp_path / "port"
    arguments = command("--port", "0", "--state", str(state), "--port-file", str(port_file))
    made = ""
    for run in range(2):
        port_file.unlink(missing_ok=True)
        process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            url = f"http://127.0.0.1:{wait_for_port(port_file)}"
            client = stripe.StripeClient("sk_test_standin", base_addresses={"api": url})
            if run == 0:
                customer = client.v1.customers.create(
                    {"email": "a@b.c"}, {"idempotency_key": "key"}
                )
                made = customer.id
            again = client.v1.customers.create({"email": "a@b.c"}, {"idempotency_key": "key"})
            assert again.id == made
            assert client.v1.customers.retrieve(made).email == "a@b.c"
        finally:
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=10)
        assert process.returncode == 0
        assert url in said
    assert made in json.loads(state.read_text())["tables"]["customer"]


def test_the_command_refuses_a_live_key() -> None:
    done = subprocess.run(
        command("--secret-key", "sk_live_1"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "must start with sk_test_" in done.stderr


def test_the_stand_in_knows_nothing_of_django() -> None:
    code = (
        "import sys, sandbox.stripe_standin.server, sandbox.stripe_standin.process; "
        "sys.exit('django' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
