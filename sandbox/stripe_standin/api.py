"""The API: authentication, the contract, idempotency, faults, and the log of it all."""

import json
import sys
import time
import traceback
from dataclasses import dataclass, field
from hmac import compare_digest

from sandbox.stripe_standin.contract import judge_request
from sandbox.stripe_standin.desk import Endpoint
from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.faults import Fault, refusal_of
from sandbox.stripe_standin.form import parse
from sandbox.stripe_standin.http_types import Request, Response
from sandbox.stripe_standin.idempotency import Kept
from sandbox.stripe_standin.lists import expand
from sandbox.stripe_standin.routes import ROUTES
from sandbox.stripe_standin.specs import Problem
from sandbox.stripe_standin.store import API_VERSION, JSON, new_id
from sandbox.stripe_standin.world import World


@dataclass
class Call:
    """One request on its way through."""

    request: Request
    request_id: str
    route: str = ""
    object_id: str = ""
    raw: JSON | None = None
    problems: list[Problem] = field(default_factory=list)
    fault: Fault | None = None
    replayed: Kept | None = None

    @property
    def key(self) -> str:
        """The idempotency key, which counts for POST alone."""
        if self.request.method != "POST":
            return ""
        return self.request.headers.get("idempotency-key", "")


def handle(world: World, request: Request) -> Response:
    call = Call(request, new_id("req_")[:18])
    try:
        response = _answer(world, call)
    except Refusal as refusal:
        response = Response(refusal.status, json.dumps(refusal.body()))
    except Exception:  # a bug in the stand-in: visible here and in the log, never silent
        traceback.print_exc(file=sys.stderr)
        error = {"type": "api_error", "message": "The stand-in itself failed."}
        response = Response(500, json.dumps({"error": error}))
    response.headers |= {"Request-Id": call.request_id, "Stripe-Version": API_VERSION}
    if call.key:
        response.headers["Idempotency-Key"] = call.key
    if call.replayed:
        response.headers["Idempotent-Replayed"] = "true"
        response.headers["Original-Request"] = call.replayed.request_id
    name = f"{request.method} {request.path}"
    world.breaches.request(name, call.problems)
    world.breaches.reply(name, response.body)
    world.log.append(_entry(world, call, response))
    return response


def _answer(world: World, call: Call) -> Response:
    _authenticate(world, call)
    _find_route(call)
    form = call.request.query if call.request.method == "GET" else call.request.body
    call.raw = parse(form)
    params_type, endpoint = ROUTES[call.route]
    # Before any fault: also a request that gets no answer has to be a sound one.
    params, call.problems = judge_request(params_type, call.raw)
    with world.store.lock:
        call.fault = world.faults.next_for(call.route)
    if call.fault and call.fault.when == "before" and not call.fault.saved:
        aborted = _suffer(call.fault)
        if aborted:
            return aborted
    if call.problems:
        raise _refusal(call.problems)
    if call.key:
        with world.store.lock:
            call.replayed = world.keys.begin(call.key, call.request.path, call.raw, call.request_id)
        if call.replayed:
            return Response(call.replayed.status or 500, call.replayed.body)
    return _run(world, call, endpoint, params)


def _run(world: World, call: Call, endpoint: Endpoint, params: JSON) -> Response:
    """Take effect, keep the answer under the key, and suffer what comes after."""
    status, body, saved = 500, "", False
    try:
        status, body, saved = _effect(world, call, endpoint, params)
        fault = call.fault
        if fault and fault.when == "after":
            if fault.kind in ("500", "429"):
                refusal = refusal_of(fault)
                answer = json.dumps(refusal.body())
                if refusal.saved:
                    status, body = refusal.status, answer
                return Response(refusal.status, answer)
            if fault.kind == "slow":
                time.sleep(fault.seconds)
    finally:  # a retry must find the key settled, whatever became of this answer
        if call.key:
            with world.store.lock:
                if saved:
                    world.keys.end(call.key, status, body)
                else:
                    world.keys.forget(call.key)
    if call.fault and call.fault.when == "after" and call.fault.kind in ("timeout", "reset"):
        return _suffer(call.fault) or Response(status, body)
    return Response(status, body)


def _effect(world: World, call: Call, endpoint: Endpoint, params: JSON) -> tuple[int, str, bool]:
    """Status, body, and whether the key keeps them."""
    try:
        if call.fault and call.fault.when == "before" and call.fault.saved:
            raise refusal_of(call.fault)
        with world.working(call.request_id, call.key or None):
            reply = endpoint(world.desk, call.object_id, params)
            if params.get("expand"):
                reply = expand(world.store, reply, params["expand"])
            return 200, json.dumps(reply), True
    except Refusal as refusal:
        return refusal.status, json.dumps(refusal.body()), refusal.saved


def _suffer(fault: Fault) -> Response | None:
    """The broken answer, or None after a mere delay."""
    if fault.kind in ("timeout", "slow"):
        time.sleep(fault.seconds)
    if fault.kind == "timeout":
        return Response(abort="close")
    if fault.kind == "reset":
        return Response(abort="reset")
    if fault.kind in ("500", "429"):
        raise refusal_of(fault)
    return None


def _authenticate(world: World, call: Call) -> None:
    given = call.request.headers.get("authorization", "")
    key = given.removeprefix("Bearer ")
    if not given:
        raise Refusal(401, "You did not provide an API key.", saved=False)
    if not compare_digest(key.encode(), world.config.secret_key.encode()):
        shown = key[:8] + "*" * max(0, len(key) - 12) + key[-4:]
        raise Refusal(401, f"Invalid API Key provided: {shown}", saved=False)
    version = call.request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION:
        raise _breach(call, 400, f"Invalid Stripe API version: {version}")


def _find_route(call: Call) -> None:
    method, path = call.request.method, call.request.path
    parts = path.strip("/").split("/")
    for name in (f"{method} {path}", *_with_id(method, parts)):
        if name in ROUTES:
            call.route = name
            call.object_id = next(
                (part for part, of in zip(parts, name.split("/")[1:], strict=True) if of == ":id"),
                "",
            )
            return
    raise _breach(call, 404, f"Unrecognized request URL ({method}: {path}).")


def _with_id(method: str, parts: list[str]) -> list[str]:
    """The path with each of its parts in turn taken for an id."""
    return [
        f"{method} /" + "/".join([*parts[:n], ":id", *parts[n + 1 :]]) for n in range(2, len(parts))
    ]


def _breach(call: Call, status: int, message: str) -> Refusal:
    """The refusal of a request that no version of ours would send."""
    call.problems.append(Problem("", "", message))
    return Refusal(status, message, saved=False)


def _refusal(problems: list[Problem]) -> Refusal:
    unknown = [problem for problem in problems if problem.code == "parameter_unknown"]
    first = unknown[0] if unknown else problems[0]
    message = first.message
    if len(unknown) > 1:
        message = "Received unknown parameters: " + ", ".join(one.param for one in unknown)
    code = "" if first.code in ("parameter_invalid_enum", "parameter_invalid_hash") else first.code
    return Refusal(400, message, code=code, param=first.param, saved=False)


def _entry(world: World, call: Call, response: Response) -> JSON:
    kept = ("idempotency-key", "stripe-version", "user-agent", "content-type")
    headers = call.request.headers
    return {
        "at": world.clock.now(),
        "request_id": call.request_id,
        "method": call.request.method,
        "path": call.request.path,
        "route": call.route,
        "params": call.raw or {},
        "headers": {name: headers[name] for name in kept if name in headers},
        "status": 0 if response.abort else response.status,
        "abort": response.abort,
        "replayed": call.replayed is not None,
        "fault": call.fault.kind if call.fault else "",
        "body": response.body,
    }
