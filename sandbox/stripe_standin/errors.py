"""How Stripe says no: one exception, and its JSON body."""

from typing import Any

# How a line begins that the stand-in writes to stderr when the contract was broken.
BREACH = "Contract with Stripe broken: "


class ContractBroken(AssertionError):
    """Something passed between the app and the stand-in that Stripe's types do not allow."""


def check_contract(log: str) -> None:
    """Raise ContractBroken if a process's log tells of a breach."""
    told = [line.partition(BREACH)[2] for line in log.splitlines() if BREACH in line]
    if told:
        raise ContractBroken("\n".join(told))


class Refusal(Exception):
    """A request that ends with an error.

    `saved` tells whether the idempotency key keeps this answer: Stripe keeps what an
    endpoint answered once it began to work, and forgets what failed its checks before.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        saved: bool = True,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        self.error: dict[str, Any] = {"message": message, "type": type, **extra}
        if code:
            self.error["code"] = code
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param:
            self.error["param"] = param

    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def missing(kind: str, id: str, param: str = "id", status: int = 404) -> Refusal:
    """No such object: 404 when it is in the path, 400 when a parameter names it."""
    return Refusal(status, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def invalid(message: str, *, code: str = "", param: str = "", **extra: Any) -> Refusal:
    return Refusal(400, message, code=code, param=param, **extra)


def not_imitated(param: str) -> Refusal:
    """A parameter that Stripe knows and the stand-in does not act on: say so, never ignore it."""
    return Refusal(
        400,
        f"The stand-in does not imitate {param}. Stripe itself would accept it.",
        code="standin_not_imitated",
        param=param,
        saved=False,
    )
