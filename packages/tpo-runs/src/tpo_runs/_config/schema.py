"""The JSON Schema of config files, which editors use to complete and check them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from .config import KINDS, OWN, PLAIN, SECTIONS, SHARED_SECTIONS, TOP_SECTIONS, Config, Method
from .evaluation import MEASURES, PROBES
from .figure import FIGURES
from .own import OwnSpec
from .spec import Spec
from .tracking import TRACKERS

DIALECT = "http://json-schema.org/draft-07/schema#"
TITLE = "Config of tpo-runs"
# An import path such as "package.module:function".
IMPORT_PATH = r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$"
# The allowed names in lists of names, by their key.
NAMES = {"measures": MEASURES, "to": TRACKERS, "probes": PROBES}

Schema = dict[str, Any]


def config_schema() -> Schema:
    """The schema of a config file, in draft 7, which editors support best.

    Every correct config is valid, if partial tables repeat the `kind` of a user's own part. A valid config
    may still have problems that concern several keys at once, such as a rollout that does not fit its
    objective. `tpo-runs check` reports those.
    """
    definitions: Schema = {}
    for name, classes in {**KINDS, "figure": FIGURES}.items():
        kinds = _kinds(name, classes)
        definitions |= kinds
        definitions[name] = {"anyOf": [_ref(kind) for kind in kinds]}
        definitions[f"partial_{name}"] = {"anyOf": [_partial(table) for table in kinds.values()]}
    for name, model in PLAIN.items():
        definitions[name] = _table(model)
        definitions[f"partial_{name}"] = _partial(definitions[name])
    config = _table(Config)
    properties = config["properties"]
    properties |= {section: _ref(section) for section in TOP_SECTIONS}
    properties["method"]["items"] = _method()
    without_table = [kind for kind in FIGURES if "required" not in _table(FIGURES[kind])]
    properties["figures"]["items"] = {"anyOf": [{"enum": without_table}, _ref("figure")]}
    properties["grid"]["propertyNames"] = {"pattern": rf"^((method|{'|'.join(SECTIONS)})\.|[^.]+$)"}
    _add_sections(properties["at"])
    properties["smoke"] = _smoke(properties)
    return {"$schema": DIALECT, **config, "title": TITLE, "definitions": definitions}


def schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


def _kinds(name: str, classes: Mapping[str, type[Spec]]) -> Schema:
    """A table for each kind of a section."""
    tables = {}
    for kind, model in classes.items():
        table = _table(model)
        table["properties"]["kind"] = {"const": kind, "description": table["description"]}
        tables[f"{name}_{kind}"] = {**table, "required": ["kind", *table.get("required", [])]}
    if name in OWN:
        tables[f"{name}_custom"] = _table(OWN[name])
        tables[f"{name}_custom"]["properties"]["kind"] |= {
            "pattern": IMPORT_PATH,
            "examples": [OWN[name].pattern],
        }
    return tables


def _method() -> Schema:
    table = _table(Method)
    for section in ("objective", "rollout"):
        table["properties"][section] = _ref(section)
    for section in SHARED_SECTIONS:
        description = f"keys that override those of [{section}] for this method"
        table["properties"][section] = {"allOf": [_ref(f"partial_{section}")], "description": description}
    _add_sections(table["properties"]["at"])
    return table


def _add_sections(at: Schema) -> None:
    """Describe the sections in a list of settings at points of the grid."""
    at["items"]["properties"] |= {section: _ref(f"partial_{section}") for section in SECTIONS}


def _smoke(properties: Schema) -> Schema:
    """A config in which every key is optional."""
    names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    return {
        "type": "object",
        "description": "what --smoke changes, for a run of seconds",
        "properties": {
            **{key: value for key, value in properties.items() if key not in ("method", "smoke")},
            **{section: _ref(f"partial_{section}") for section in TOP_SECTIONS},
            "methods": {**names, "description": "names of the methods that --smoke keeps"},
        },
        "additionalProperties": False,
    }


def _table(model: type[BaseModel]) -> Schema:
    """The schema of one table. The class's docstring describes the keys."""
    raw = model.model_json_schema(schema_generator=_TOMLSchema)
    properties = {key: _with_tables(value) for key, value in raw["properties"].items()}
    for key, description in _argument_descriptions(model).items():
        properties[key] = {**properties[key], "description": description}
    for key in properties.keys() & NAMES.keys():
        properties[key]["items"] = {"enum": list(NAMES[key])}
    first_line = (model.__doc__ or "").strip().partition("\n")[0]
    table = {"type": "object", "description": first_line, "properties": properties}
    if "required" in raw:
        table["required"] = raw["required"]
    return {**table, "additionalProperties": issubclass(model, OwnSpec)}


def _with_tables(schema: Any) -> Any:
    """A schema in which tables within it stand in place of the references to them."""
    if isinstance(schema, list):
        return [_with_tables(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    whole = {key: _with_tables(value) for key, value in schema.items()}
    reference = whole.pop("$ref", None)
    return whole if reference is None else {**_table(_spec(reference.rpartition("/")[2])), **whole}


def _spec(name: str) -> type[Spec]:
    """The class of a table by its name."""
    classes = [Spec]
    for model in classes:
        classes += model.__subclasses__()
    return next(model for model in classes if model.__name__ == name)


class _TOMLSchema(GenerateJsonSchema):
    """Schemas without titles, and without null, which TOML does not have."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def nullable_schema(self, schema: Any) -> Schema:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> Schema:
        value = super().default_schema(schema)
        return {key: item for key, item in value.items() if key != "default" or item not in (None, {}, [])}


def _partial(table: Schema) -> Schema:
    partial = {key: value for key, value in table.items() if key != "required"}
    # A table that may have any key tells itself apart by its kind.
    return {**partial, "required": ["kind"]} if table["additionalProperties"] else partial


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _argument_descriptions(model: type[BaseModel]) -> dict[str, str]:
    """The descriptions of keys below `Args:`, in the docstrings of a class and its bases."""
    descriptions: dict[str, str] = {}
    for base in reversed(model.__mro__):
        _, _, arguments = (base.__doc__ or "").partition("Args:\n") if issubclass(base, Spec) else ("",) * 3
        for name, text in re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", arguments, re.MULTILINE):
            descriptions[name] = " ".join(text.split())
    return descriptions
