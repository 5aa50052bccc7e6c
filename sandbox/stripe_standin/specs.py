"""What a value may look like: the small judges that `contract` builds from the SDK's types."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

ABSENT = object()


class Problem(NamedTuple):
    """What does not fit: Stripe's error code, where, and why."""

    code: str
    param: str
    message: str


@dataclass
class Verdict:
    """Collects problems while a value is judged. `wire` means that every leaf is a string."""

    wire: bool
    problems: list[Problem] = field(default_factory=list)

    def add(self, code: str, param: str, message: str) -> object:
        self.problems.append(Problem(code, param, message))
        return ABSENT


class Spec:
    """One type that can judge a value; returns the value in Python's terms."""

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        raise NotImplementedError


class Anything(Spec):
    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        return value


@dataclass(frozen=True)
class Text(Spec):
    may_be_empty: bool = False

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        if not isinstance(value, str):
            return verdict.add("parameter_invalid_string", path, f"Invalid string: {value!r}")
        if verdict.wire and not value and not self.may_be_empty:
            message = (
                f"You passed an empty string for '{path}'. We assume empty values are an attempt "
                f"to unset a parameter; however '{path}' cannot be unset. You should remove "
                f"'{path}' from your request or supply a non-empty value."
            )
            return verdict.add("parameter_invalid_empty", path, message)
        return value


class Whole(Spec):
    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        if verdict.wire and isinstance(value, str):
            digits = value.removeprefix("-")
            if digits.isascii() and digits.isdigit():
                return int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            return value
        return verdict.add("parameter_invalid_integer", path, f"Invalid integer: {value}")


class Number(Spec):
    """float and Decimal; JSON carries Stripe's decimals as strings."""

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        if isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool):
            try:
                return Decimal(str(value)) if verdict.wire else value
            except InvalidOperation:
                pass
        return verdict.add("parameter_invalid_decimal", path, f"Invalid decimal: {value}")


class Truth(Spec):
    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        if verdict.wire and value in ("true", "false"):
            return value == "true"
        if not verdict.wire and isinstance(value, bool):
            return value
        return verdict.add("parameter_invalid_boolean", path, f"Invalid boolean: {value}")


@dataclass(frozen=True)
class Choice(Spec):
    values: tuple[Any, ...]

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        if isinstance(value, (str, bool)) and value in self.values:
            return value
        if verdict.wire and value == "true" and True in self.values:
            return True
        known = ", ".join(str(one) or "''" for one in self.values)
        message = f"Invalid {path}: must be one of {known}. You passed {value!r}."
        return verdict.add("parameter_invalid_enum", path, message)


@dataclass(frozen=True)
class Many(Spec):
    item: Spec

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        if verdict.wire and isinstance(value, dict):
            rows = [value.get(str(index), ABSENT) for index in range(len(value))]
            value = value if ABSENT in rows else rows
        if not isinstance(value, list):
            return verdict.add("parameter_invalid_array", path, "Invalid array")
        return [self.item.judge(one, f"{path}[{n}]", verdict) for n, one in enumerate(value)]


@dataclass(frozen=True)
class Table(Spec):
    """A hash with free keys, such as metadata."""

    item: Spec

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        if not isinstance(value, dict):
            return verdict.add("parameter_invalid_hash", path, "Invalid hash")
        return {key: self.item.judge(one, f"{path}[{key}]", verdict) for key, one in value.items()}


@dataclass(frozen=True)
class Nullable(Spec):
    inner: Spec

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        return None if value is None else self.inner.judge(value, path, verdict)


@dataclass(frozen=True)
class Either(Spec):
    options: tuple[Spec, ...]

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        """The first option that fits; else the complaints of the one closest in kind."""
        tries: list[Verdict] = []
        for option in self.options:
            attempt = Verdict(verdict.wire)
            result = option.judge(value, path, attempt)
            if not attempt.problems:
                return result
            tries.append(attempt)
        nested = isinstance(value, (dict, list))
        deepest = max(tries, key=lambda one: max(len(p.param) for p in one.problems))
        verdict.problems += (deepest if nested else tries[0]).problems
        return ABSENT


@dataclass(frozen=True)
class Page(Spec):
    """A `list` object and what it holds."""

    item: Spec

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        if not isinstance(value, dict) or value.get("object") != "list":
            return verdict.add("parameter_invalid_hash", path, "Not a list object")
        for key, spec in (("data", Many(self.item)), ("has_more", Truth()), ("url", Text())):
            if key not in value:
                verdict.add("parameter_missing", f"{path}[{key}]", f"A list has no {key}")
            else:
                spec.judge(value[key], f"{path}[{key}]" if path else key, verdict)
        for key in value.keys() - {"object", "data", "has_more", "url"}:
            verdict.add("parameter_unknown", f"{path}[{key}]", f"A list has a key {key}")
        return value
