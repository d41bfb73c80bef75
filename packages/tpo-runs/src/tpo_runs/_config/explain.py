"""Pydantic's errors as problems of a config: one for each key, in this package's words."""

import functools
import itertools
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from .._text import did_you_mean, expectation, found, nearest, one_of
from .cell import Cell
from .config import (
    KINDS,
    OWN,
    PLAIN,
    SECTIONS,
    TOP_SECTIONS,
    Config,
    Method,
    PointSettings,
    SharedPointSettings,
)
from .figure import FIGURES
from .own import OwnSpec
from .problems import MAX_LINES, KeyPath, Problem, method_label

# The sections of a config, a method and a cell.
TABLES: dict[type[BaseModel], tuple[str, ...]] = {
    Config: TOP_SECTIONS,
    Method: ("objective", "rollout"),
    PointSettings: (),
    SharedPointSettings: (),
    Cell: SECTIONS,
}
# The tags of unions that pydantic puts into paths.
TAGS = ("named", "table")


def problems_in(error: ValidationError, root: type[BaseModel], raw: Any) -> list[Problem]:
    """Turn pydantic's errors about `raw`, validated as `root`, which is `Config` or `Cell`, into problems.

    They are limited to about the number that is shown: a file that is not a config may have one at every key.
    """
    errors = [each for each in error.errors(include_url=False) if not _is_consequence(each)]
    places = [(each, *_locate(each["loc"], root, raw)) for each in errors[: 2 * MAX_LINES]]
    misspelled = {
        (*table, nearest(str(rest[0]), model.model_fields))
        for each, model, table, rest in places
        if each["type"] == "extra_forbidden"
    }
    return [
        _problem(*place)
        for place in places
        # Report a misspelled required key only once.
        if place[0]["type"] != "missing" or (*place[2], *place[3]) not in misspelled
    ]


def _is_consequence(error: Any) -> bool:
    """Whether a list is called too short only because some of its items are invalid."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _locate(
    loc: tuple[Any, ...], model: type[BaseModel], raw: Any
) -> tuple[type[BaseModel], KeyPath, KeyPath]:
    """The class of the table that holds the key at `loc`, the table's path, and the rest of `loc`."""
    path: KeyPath = ()
    at = SharedPointSettings
    if model is Config and loc[0] == "method" and len(loc) > 1:
        path, loc = ("method", method_label(raw["method"][loc[1]], loc[1])), loc[2:]
        model, at = Method, PointSettings
    if model in (Config, Method) and loc[:1] == ("at",) and len(loc) > 1:
        path, loc, model = (*path, "at", loc[1] + 1), loc[2:], at
    return _descend(*_table(loc, model, path))


def _table(
    loc: tuple[Any, ...], model: type[BaseModel], path: KeyPath
) -> tuple[type[BaseModel], KeyPath, KeyPath]:
    """The section or figure that `loc`, in a table of class `model` at `path`, leads to."""
    head, *inner = loc or ("",)
    if model is Config and head == "figures" and inner:
        kinds, path, inner = FIGURES, ("figures", inner[0] + 1), inner[1:]
    elif not inner or head not in TABLES[model]:
        return model, path, loc
    elif head in PLAIN:
        return PLAIN[head], (*path, head), tuple(inner)
    else:
        kinds, path = KINDS[head], (*path, head)
    kind, *rest = [*inner[inner[:1] in ([tag] for tag in TAGS) :], None]
    return kinds.get(kind, OWN.get(str(head), OwnSpec)), path, tuple(rest[:-1])


def _descend(
    model: type[BaseModel], path: KeyPath, rest: KeyPath
) -> tuple[type[BaseModel], KeyPath, KeyPath]:
    """From a table to the innermost one that holds the key, such as `rollout.sampler`."""
    while len(rest) > 1 and (inner := _class_of(model, rest[0])) is not None:
        # The tables of a dictionary have names of their own, and those of a list have numbers.
        several = get_origin(model.model_fields[str(rest[0])].annotation) in (dict, tuple)
        place = rest[: 1 + several]
        model, rest = inner, rest[1 + several :]
        path = (*path, *(key + 1 if isinstance(key, int) else key for key in place))
    return model, path, rest


def _class_of(model: type[BaseModel], key: str | int) -> type[BaseModel] | None:
    """The class of a key that holds a single kind of table; None for other keys."""
    field = model.model_fields.get(str(key))
    options = (field.annotation, *get_args(field.annotation)) if field else ()
    tables = [each for each in options if isinstance(each, type) and issubclass(each, BaseModel)]
    return tables[0] if len(tables) == 1 else None


def _problem(error: Any, model: type[BaseModel], table: KeyPath, rest: KeyPath) -> Problem:
    """The error at `rest` in the table at `table`, which is of class `model`."""
    path, kind, value = (*table, *rest), error["type"], error["input"]
    # Report items of a list under the list's name.
    whole = (*table, *itertools.takewhile(lambda part: isinstance(part, str), rest))
    if kind == "invalid":
        return Problem(whole, error["msg"])
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_kind(path, value)
    key = str(rest[0]) if rest else ""
    if kind == "extra_forbidden":
        return Problem(path, f"unknown key{one_of(key, model.model_fields)}")
    if key not in model.model_fields:
        return Problem(path, f"expected a table, found {found(value)}")
    schema = _fields(model)[key]
    if len(rest) > 1 and isinstance(rest[1], str):
        schema = schema["additionalProperties"]
    expected = expectation(schema)
    if kind == "missing":
        return Problem(path, f"missing; expected {expected}", missing=True)
    if kind == "finite_number":
        expected = expected.replace("a number", "a finite number")
    hint = did_you_mean(value, schema["enum"]) if "enum" in schema and isinstance(value, str) else ""
    return Problem(whole, f"expected {expected}, found {found(value)}{hint}")


def _wrong_kind(path: KeyPath, table: Any) -> Problem:
    """A table whose `kind` is missing or unknown."""
    what = "figure" if path[0] == "figures" else str(path[-1])
    kind = table.get("kind") if isinstance(table, Mapping) else None
    fault = f"{found(kind)} is not a kind of {what}" if "kind" in table else "missing"
    hint = one_of(kind if isinstance(kind, str) else "", FIGURES if what == "figure" else KINDS[what])
    return Problem(
        (*path, "kind"), fault + hint + (_own_hint(OWN[what].pattern, kind) if what in OWN else "")
    )


def _own_hint(pattern: str, kind: object) -> str:
    """How to name a user's own. The example corrects a dot that should be a colon."""
    module, dot, name = kind.rpartition(".") if isinstance(kind, str) else ("", "", "")
    example = f", as in {found(f'{module}:{name}')}" if dot and module and name else ""
    return f" or '{pattern}'{example}"


@functools.cache
def _fields(model: type[BaseModel]) -> Mapping[str, Any]:
    """The JSON schema of each field."""
    return model.model_json_schema()["properties"]
