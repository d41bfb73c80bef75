"""The JSON Schema of config files, with which editors complete and check them."""

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from .config import KINDS, PLAIN, SECTIONS, SHARED_SECTIONS, TOP_SECTIONS, Config, Method
from .evaluation import MEASURES
from .figure import FIGURES
from .objective import CustomSpec
from .probe import PROBES
from .spec import Spec
from .tracking import TRACKERS

DIALECT = "http://json-schema.org/draft-07/schema#"
TITLE = "Config of tpo-runs"
# An import path such as "package.module:function".
IMPORT_PATH = r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$"

Schema = dict[str, Any]


def config_schema() -> Schema:
    """The schema of a config file, in draft 7, which editors understand best.

    A config that is right is valid. One that is valid may still be wrong: what concerns several keys at once,
    such as a rollout that does not fit its objective, is told by `tpo-runs check`.
    """
    definitions: Schema = {}
    for name, classes in {**KINDS, "figure": FIGURES}.items():
        definitions |= _all_kinds(name, classes)
    for name, model in PLAIN.items():
        definitions[name] = _table(model)
        if name == "evaluation":
            definitions[name]["properties"]["measures"]["items"] = {"enum": list(MEASURES)}
        if name == "tracking":
            definitions[name]["properties"]["to"]["items"] = {"enum": list(TRACKERS)}
        definitions[f"partial_{name}"] = _partial(definitions[name])
    config = _table(Config)
    properties = config["properties"]
    properties |= {section: _ref(section) for section in TOP_SECTIONS}
    properties["method"]["items"] = _method()
    for table in (config, properties["method"]["items"]):
        table["properties"]["probes"]["items"] = {"enum": list(PROBES)}
    kinds = [kind for kind, model in FIGURES.items() if not _required(model)]
    properties["figures"]["items"] = {"anyOf": [{"enum": kinds}, _ref("figure")]}
    properties["grid"]["propertyNames"] = {"pattern": rf"^({'|'.join(SECTIONS)})\."}
    properties["smoke"] = _smoke(config)
    return {"$schema": DIALECT, **config, "title": TITLE, "definitions": definitions}


def schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


def _all_kinds(name: str, classes: Mapping[str, type[Spec]]) -> Schema:
    """A definition for each kind, for any of them, and for a part of any of them."""
    kinds = {kind: _kind(kind, model) for kind, model in classes.items()}
    if name == "objective":
        kinds["custom"] = _table(CustomSpec)
        kinds["custom"]["properties"]["kind"]["pattern"] = IMPORT_PATH
    tables = {f"{name}_{kind}": table for kind, table in kinds.items()}
    whole = {"anyOf": [_ref(kind) for kind in tables]}
    return {
        **tables,
        name: whole,
        f"partial_{name}": {"anyOf": [_partial(table) for table in tables.values()]},
    }


def _kind(kind: str, model: type[BaseModel]) -> Schema:
    table = _table(model)
    properties = {**table["properties"], "kind": {"const": kind, "description": table["description"]}}
    return {**table, "properties": properties, "required": ["kind", *table.get("required", [])]}


def _method() -> Schema:
    table = _table(Method)
    for section in ("objective", "rollout"):
        table["properties"][section] = _ref(section)
    for section in SHARED_SECTIONS:
        description = f"keys that replace those of [{section}] for this method"
        table["properties"][section] = {"allOf": [_ref(f"partial_{section}")], "description": description}
    return table


def _smoke(config: Schema) -> Schema:
    """A config of which any part may be left out."""
    properties = {key: copy.deepcopy(value) for key, value in config["properties"].items()}
    for key in ("method", "smoke"):
        del properties[key]
    for section in TOP_SECTIONS:
        properties[section] = _ref(f"partial_{section}")
    names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    properties["methods"] = {**names, "description": "names of the methods that --smoke keeps"}
    description = "what --smoke changes, for a run of seconds"
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
    }


def _table(model: type[BaseModel]) -> Schema:
    """The schema of one table, each key described in the words of the class's docstring."""
    raw = model.model_json_schema()
    words = _argument_words(model)
    properties = {key: _value(value, words.get(key)) for key, value in raw["properties"].items()}
    table = {"type": "object", "description": _first_line(model), "properties": properties}
    if "required" in raw:
        table["required"] = raw["required"]
    return {**table, "additionalProperties": model is CustomSpec}


def _value(schema: Schema, words: str | None) -> Schema:
    """The schema of one key: without pydantic's titles and references, and without null, which TOML lacks."""
    plain = {
        key: value for key, value in schema.items() if key not in ("title", "$ref", "items", "description")
    }
    if isinstance(schema.get("items"), Mapping) and "$ref" not in json.dumps(schema["items"]):
        plain["items"] = schema["items"]
    options = [option for option in plain.pop("anyOf", []) if option.get("type") != "null"]
    options = [{key: item for key, item in option.items() if key != "description"} for option in options]
    if len(options) == 1:
        plain |= options[0]
    elif options and "$ref" not in json.dumps(options):
        plain["anyOf"] = options
    if plain.get("default", 0) is None or plain.get("default") in ({}, []):
        del plain["default"]
    words = words or schema.get("description")
    return {**plain, "description": words} if words else plain


def _partial(table: Schema) -> Schema:
    return {key: value for key, value in table.items() if key != "required"}


def _required(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _argument_words(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a class and its bases say of each key below `Args:`."""
    words: dict[str, str] = {}
    for base in reversed(model.__mro__):
        _, _, arguments = (
            (base.__doc__ or "").partition("Args:\n") if issubclass(base, BaseModel) else ("",) * 3
        )
        for name, text in re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", arguments, re.MULTILINE):
            words[name] = " ".join(text.split())
    return words
