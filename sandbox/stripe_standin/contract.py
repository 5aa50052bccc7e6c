"""The judge: does a request or a reply fit the installed SDK's own generated types?

The types (`stripe.params`, `stripe._*`) were written by Stripe's generator, so neither the
app nor the stand-in can bend them. A type is read once into a `Spec`; specs then judge
values, either as they travel in a form (every leaf a string) or as JSON.

An enum that the SDK leaves open for the future (`Literal["a", "b"] | str`) is closed here:
today's API knows just those values.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import typing_extensions
from stripe import ListObject, StripeObject
from stripe._error_object import ErrorObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from sandbox.stripe_standin.specs import (
    Anything,
    Choice,
    Either,
    Many,
    Nullable,
    Number,
    Page,
    Problem,
    Spec,
    Table,
    Text,
    Truth,
    Verdict,
    Whole,
)

CLASS_VAR: Any = typing.ClassVar
LEAVES: dict[Any, Callable[[], Spec]] = {
    str: Text,
    int: Whole,
    bool: Truth,
    float: Number,
    Decimal: Number,
    Any: Anything,
}
WRAPPERS: dict[Any, Callable[[Spec], Spec]] = {
    typing_extensions.NotRequired: lambda inner: inner,
    typing_extensions.Required: lambda inner: inner,
    list: Many,
    dict: Table,
    UntypedStripeObject: Table,
    ListObject: Page,
}
# These belong to the SDK's call, not to the wire.
NOT_ON_THE_WIRE = frozenset(RequestOptions.__annotations__)


@dataclass(frozen=True)
class Shape(Spec):
    """A TypedDict or a StripeObject: known keys only, the required ones present."""

    source: type

    def judge(self, value: Any, path: str, verdict: Verdict) -> Any:
        if not isinstance(value, dict):
            return verdict.add("parameter_invalid_hash", path, "Invalid hash")
        result = {}
        for key, one in value.items():
            where = f"{path}[{key}]" if path else key
            known = self.fields.get(key)
            if known is None:
                verdict.add("parameter_unknown", where, f"Received unknown parameter: {where}")
            else:
                result[key] = known.judge(one, where, verdict)
        for key in self.required - value.keys():
            where = f"{path}[{key}]" if path else key
            verdict.add("parameter_missing", where, f"Missing required param: {where}.")
        return result

    @cached_property
    def fields(self) -> dict[str, Spec]:
        return {name: read(hint, home) for name, hint, home in _annotations(self.source)}

    @cached_property
    def required(self) -> frozenset[str]:
        keys = getattr(self.source, "__required_keys__", None)
        if keys is not None:
            return frozenset(keys - NOT_ON_THE_WIRE)
        return frozenset(n for n, spec in self.fields.items() if not isinstance(spec, Nullable))


# --- Reading the SDK's types --------------------------------------------------------------


@cache
def shape(source: type) -> Shape:
    return Shape(source)


def _annotations(source: type) -> Iterator[tuple[str, Any, str]]:
    """Field names, their hints, and the module whose names the hints use."""
    is_request = not issubclass(source, StripeObject)
    for klass in reversed(source.__mro__):
        if klass is StripeObject or not klass.__module__.startswith("stripe."):
            continue
        for name, hint in inspect.get_annotations(klass).items():
            internal = name.startswith("_") or (is_request and name in NOT_ON_THE_WIRE)
            if not internal and get_origin(hint) is not CLASS_VAR:
                yield name, hint, klass.__module__


@cache
def _imports_for_types(module: str) -> dict[str, tuple[str, str]]:
    """The names that a module imports under TYPE_CHECKING: absent when it runs."""
    names: dict[str, tuple[str, str]] = {}
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = (node.module, alias.name)
    return names


def _resolve(reference: ForwardRef, home: str) -> Any:
    namespace = vars(sys.modules[home])
    wanted = {n.id for n in ast.walk(ast.parse(reference.__forward_arg__)) if type(n) is ast.Name}
    late = {
        name: getattr(importlib.import_module(origin[0]), origin[1])
        for name in wanted - namespace.keys()
        if (origin := _imports_for_types(home).get(name))
    }
    return typing_extensions.evaluate_forward_ref(reference, globals=namespace, locals=late)


def read(hint: Any, home: str) -> Spec:
    """The spec of a type hint found in the module `home`."""
    if isinstance(hint, str):
        hint = ForwardRef(hint)
    if isinstance(hint, ForwardRef):
        return read(_resolve(hint, home), home)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _read_union(args, home)
    if origin is Literal:
        return Choice(args)
    if origin in WRAPPERS:
        return WRAPPERS[origin](read(args[-1], home))
    if hint in LEAVES:
        return LEAVES[hint]()
    if isinstance(hint, type):
        return shape(hint)
    raise TypeError(f"{home}: cannot judge by {hint!r}")


def _read_union(args: tuple[Any, ...], home: str) -> Spec:
    rest: list[Any] = []
    for arg in args:  # a quoted member may hide a Literal
        rest.append(_resolve(arg, home) if isinstance(arg, ForwardRef) else arg)
    if NoneType in rest:
        rest.remove(NoneType)
        return Nullable(_read_union(tuple(rest), home))
    values = [value for arg in rest if get_origin(arg) is Literal for value in get_args(arg)]
    options = [arg for arg in rest if get_origin(arg) is not Literal and arg is not str]
    specs: list[Spec] = [read(option, home) for option in options]
    if values and (str not in rest or set(values) != {""}):
        specs.append(Choice(tuple(values)))
    elif str in rest:
        specs.insert(0, Text(may_be_empty="" in values))
    return specs[0] if len(specs) == 1 else Either(tuple(specs))


# --- The two questions --------------------------------------------------------------------


def judge_request(params: type, raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The parameters in Python's terms, and what is wrong with the form as it arrived."""
    verdict = Verdict(wire=True)
    values = shape(params).judge(raw, "", verdict)
    return values, verdict.problems


def judge_reply(reply: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with an object, a list of objects, an event or an error, as JSON."""
    if isinstance(reply.get("error"), dict):
        verdict = Verdict(wire=False)
        shape(ErrorObject).judge(reply["error"], "error", verdict)
        return verdict.problems
    if reply.get("object") == "list":
        verdict = Verdict(wire=False)
        Page(Anything()).judge(reply, "", verdict)
        rows = [judge_reply(one) for one in reply.get("data", ())]
        return verdict.problems + [problem for row in rows for problem in row]
    source = object_class(str(reply.get("object")))
    if source is None:
        return [Problem("parameter_invalid_enum", "object", f"No such object: {reply!r}")]
    verdict = Verdict(wire=False)
    shape(source).judge(reply, "", verdict)
    if reply["object"] == "event" and isinstance(reply.get("data"), dict):
        verdict.problems += judge_reply(reply["data"].get("object") or {})
    return verdict.problems


def object_class(name: str) -> type | None:
    if name not in OBJECT_CLASSES:
        return None
    module, attribute = OBJECT_CLASSES[name]
    found: type = getattr(importlib.import_module(module), attribute)
    return found


@cache
def nullable_fields(name: str, inside: str = "") -> tuple[str, ...]:
    """The fields of an object (or of a hash inside it) that a full reply carries as null."""
    source = object_class(name)
    if source is None:
        raise LookupError(name)
    found: Spec = shape(source)
    if inside:
        found = shape(source).fields[inside]
    if not isinstance(found, Shape):
        raise LookupError(f"{name}.{inside}")
    return tuple(key for key, spec in found.fields.items() if isinstance(spec, Nullable))
