"""Pydantic's findings in our words."""

import functools
import itertools
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from ._problems import MOST_LINES, KeyPath, Problem, method_label
from ._spec import Spec
from ._specs import TOP_SECTIONS, Config, Method, parse_section, section_model
from ._specs_figure import FIGURES
from ._wording import did_you_mean, expectation, found, nearest, one_of

# What a config and a method hold in tables of their own, by section.
TABLES: dict[type[BaseModel], tuple[str, ...]] = {
    Config: TOP_SECTIONS,
    Method: ("objective", "rollout"),
}


def parse_or_explain(
    section: str, table: Mapping[str, Any], path: KeyPath
) -> tuple[Spec | None, list[Problem]]:
    """The spec of one section's raw table at `path`, or None and what is wrong with it."""
    try:
        return parse_section(section, table), []
    except ValidationError as error:
        model = section_model(section, table) or Spec
        return None, problems_of(error, model, table, path)


def problems_of(
    error: ValidationError, root: type[BaseModel], raw: object, prefix: KeyPath = ()
) -> list[Problem]:
    """Put pydantic's findings about `raw` in our words.

    Args:
        error: what validating `raw` as `root` raised.
        root: the class that `raw` was validated as.
        raw: the raw table.
        prefix: where `raw` is in the config.

    Returns:
        The problems, but not many more than can be told: a large file of another kind has one at every key.
    """
    findings = [finding for finding in error.errors(include_url=False) if not _follows(finding)]
    findings = findings[: 2 * MOST_LINES]
    owners = [_owner(finding["loc"], root, raw) for finding in findings]
    misspelt = {
        (*named, nearest(str(rest[0]), model.model_fields))
        for finding, (model, named, rest) in zip(findings, owners, strict=True)
        if finding["type"] == "extra_forbidden"
    }
    return [
        _problem(finding, model, (*prefix, *named), rest)
        for finding, (model, named, rest) in zip(findings, owners, strict=True)
        # A required key that was misspelt is told once.
        if finding["type"] != "missing" or (*named, *rest) not in misspelt
    ]


def _follows(finding: Any) -> bool:
    """Whether a list is called too short only because some of its items are wrong."""
    return finding["type"] == "too_short" and len(finding["input"]) >= finding["ctx"]["min_length"]


@functools.cache
def _fields(model: type[BaseModel]) -> Mapping[str, Any]:
    """The JSON schema of each field."""
    return model.model_json_schema()["properties"]


def _problem(finding: Any, model: type[BaseModel], table: KeyPath, rest: KeyPath) -> Problem:
    """The finding about what is at `rest` in the table at `table`, which is of class `model`."""
    path, kind, value = (*table, *rest), finding["type"], finding["input"]
    # Items of a list are told under the list's name.
    whole = (*table, *itertools.takewhile(lambda part: isinstance(part, str), rest))
    if kind == "refused":
        return Problem(whole, finding["msg"])
    key = str(rest[0]) if rest else ""
    if kind == "extra_forbidden":
        return Problem(path, f"unknown key{one_of(key, model.model_fields)}")
    if key not in model.model_fields:
        return Problem(path, f"expected a table, found {found(value)}")
    schema = _fields(model)[key]
    if len(rest) > 1 and isinstance(rest[1], str):
        schema = schema["additionalProperties"]
    asked = expectation(schema)
    if kind == "missing":
        return Problem(path, f"missing; expected {asked}", missing=True)
    if kind == "finite_number":
        asked = asked.replace("a number", "a finite number")
    hint = did_you_mean(value, schema["enum"]) if "enum" in schema and isinstance(value, str) else ""
    return Problem(whole, f"expected {asked}, found {found(value)}{hint}")


def _owner(loc: KeyPath, root: type[BaseModel], raw: Any) -> tuple[type[BaseModel], KeyPath, KeyPath]:
    """The class that the key at `loc` belongs to, the path to its table, and what is left of `loc`."""
    model: type[BaseModel] = root
    named: KeyPath = ()
    while len(loc) > 1:
        head = str(loc[0])
        if model is Config and head == "method" and isinstance(loc[1], int):
            raw = raw["method"][loc[1]]
            model, named, loc = Method, ("method", method_label(raw, loc[1])), loc[2:]
            continue
        if model is Config and head == "figures" and isinstance(loc[1], int) and len(loc) > 2:
            raw = raw["figures"][loc[1]]
            model, named, loc = FIGURES.model(raw) or Spec, ("figures", loc[1] + 1), loc[2:]
            continue
        inner = section_model(head, raw[head]) if head in TABLES.get(model, ()) else None
        if inner is None:
            break
        model, raw, named, loc = inner, raw[head], (*named, head), loc[1:]
    return model, named, loc
