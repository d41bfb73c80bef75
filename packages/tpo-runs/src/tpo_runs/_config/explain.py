"""Pydantic's errors in this package's words, and as problems of a config: one for each key."""

import functools
import itertools
from collections.abc import Mapping
from typing import Any, LiteralString

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from .._text import did_you_mean, expectation, found, nearest, one_of
from .problems import MAX_LINES, Problem, method_label

# The types of errors whose text is final.
EXPLAINED, MISSING = "explained", "missing_key"


def problems_in(error: ValidationError, raw: Mapping[str, Any]) -> list[Problem]:
    """The problems that a table's explained errors are about, in the config or cell `raw`."""
    problems = []
    for each in error.errors(include_url=False):
        loc = each["loc"]
        path = tuple(key + 1 if isinstance(key, int) else key for key in loc)
        if loc[:1] == ("method",) and len(loc) > 1:
            path = ("method", method_label(raw["method"][loc[1]], int(loc[1])), *path[2:])
        problems.append(Problem(path, each["msg"], each["type"] == MISSING))
    return problems


def explained(error: ValidationError, model: type[BaseModel]) -> ValidationError:
    """The errors of one table, of class `model`, with their final texts; tables within it come explained.

    They are limited to about the number that is shown: a file that is not a config may have one at every key.
    """
    errors = [each for each in error.errors(include_url=False) if not _is_consequence(each)][: 2 * MAX_LINES]
    misspelled = {
        nearest(str(each["loc"][0]), model.model_fields)
        for each in errors
        if each["type"] == "extra_forbidden"
    }
    lines = [
        _line(each, model)
        for each in errors
        # Report a misspelled required key only once.
        if each["type"] != "missing" or each["loc"][0] not in misspelled
    ]
    return ValidationError.from_exception_data(model.__name__, lines)


def line_error(
    loc: tuple[str | int, ...], text: str, value: object, kind: LiteralString = EXPLAINED
) -> InitErrorDetails:
    """An error whose text is final."""
    return {"type": PydanticCustomError(kind, "{text}", {"text": text}), "loc": loc, "input": value}


def _is_consequence(error: Any) -> bool:
    """Whether a list is called too short only because some of its items are invalid."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _line(error: Any, model: type[BaseModel]) -> InitErrorDetails:
    loc, kind, value = error["loc"], error["type"], error["input"]
    if kind in (EXPLAINED, MISSING):
        return line_error(loc, error["msg"], value, kind)
    if not loc:
        return line_error(
            loc, error["msg"] if kind == "invalid" else f"expected a table, found {found(value)}", value
        )
    if kind == "extra_forbidden":
        return line_error(loc, f"unknown key{one_of(str(loc[0]), model.model_fields)}", value)
    # Report items of a list under the list's name.
    place = tuple(itertools.takewhile(lambda key: isinstance(key, str), loc))
    if kind == "invalid":
        return line_error(place, error["msg"], value)
    schema = _fields(model)[loc[0]]
    if len(place) > 1:
        schema = schema["additionalProperties"]
    expected = expectation(schema)
    if kind == "missing":
        return line_error(loc, f"missing; expected {expected}", value, MISSING)
    if kind == "finite_number":
        expected = expected.replace("a number", "a finite number")
    hint = did_you_mean(value, schema["enum"]) if "enum" in schema and isinstance(value, str) else ""
    return line_error(place, f"expected {expected}, found {found(value)}{hint}", value)


@functools.cache
def _fields(model: type[BaseModel]) -> Mapping[str, Any]:
    """The JSON schema of each field."""
    return model.model_json_schema()["properties"]
