"""The reference of a config: every table, kind and key, from the schema that editors use."""

import json
from collections.abc import Iterator
from pathlib import Path

SCHEMA = "configs/schema.json"
# Sections in the order of the page, and where a config has them.
SECTIONS = {
    "task": "`[task]`",
    "policy": "`[policy]`",
    "objective": "`objective` of a method",
    "rollout": "`rollout` of a method",
    "optimizer": "`[optimizer]`",
    "schedule": "`[schedule]`",
    "evaluation": "`[evaluation]`",
    "figure": "An entry of `figures`",
    "executor": "`[executor]`",
    "tracking": "`[tracking]`",
}
INTRODUCTION = """\
# Every key of a config

All tables, kinds and keys, as `tpo-runs schema` describes them. A key without a default is required, unless
its description says what happens without it. `tpo-runs check CONFIG` tells which tables fit together."""


def reference(root: Path) -> str:
    """The page, as Markdown."""
    schema = json.loads((root / SCHEMA).read_text(encoding="utf-8"))
    parts = [INTRODUCTION, "## The top level", *_table(schema)]
    parts += ["## `[[method]]`", *_table(schema["properties"]["method"]["items"])]
    parts += [
        "## Probes",
        "`probes` of a config or of a method: extra numbers of every step.",
        _probes(schema),
    ]
    for section, heading in SECTIONS.items():
        parts += [f"## {heading}", *_section(schema["definitions"], section)]
    return "\n\n".join(parts) + "\n"


def _section(definitions: dict, section: str) -> Iterator[str]:
    if section in definitions and "properties" in definitions[section]:
        yield definitions[section]["description"]
        yield from _table(definitions[section])
        return
    for option in definitions[section]["anyOf"]:
        table = definitions[option["$ref"].rpartition("/")[2]]
        kind = table["properties"]["kind"]
        name = f'"{kind["const"] if "const" in kind else kind["examples"][0]}"'
        yield f"### `kind = {name}`"
        yield table["description"]
        yield from _table(table)


def _probes(schema: dict) -> str:
    return ", ".join(f"`{name}`" for name in schema["properties"]["probes"]["items"]["enum"]) + "."


def _table(table: dict) -> Iterator[str]:
    """A row for each key; keys of a table within it follow with its name in front."""
    rows = list(_rows(table, ""))
    if rows:
        yield "\n".join(["| key | values | default | meaning |", "| :-- | :-- | :-- | :-- |", *rows])


def _rows(table: dict, prefix: str) -> Iterator[str]:
    for key, value in table["properties"].items():
        if "const" in value or (key == "kind" and "pattern" in value):
            continue
        default = f"`{_literal(value['default'])}`" if "default" in value else ""
        meaning = value.get("description", "").replace("|", "\\|")
        if "$ref" in value:
            meaning = "see below"
        yield f"| `{prefix}{key}` | {_values(value)} | {default} | {meaning} |"
        # The smoke table has the keys of a config again.
        if value.get("type") == "object" and "properties" in value and key != "smoke":
            yield from _rows(value, f"{prefix}{key}.")


def _values(value: dict) -> str:
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(map(_values, value["anyOf"])))
    if "enum" in value:
        return ", ".join(f"`{_literal(item)}`" for item in value["enum"])
    kind = {"array": "list", "object": "table", "boolean": "true or false", "string": "text"}
    name = kind.get(value.get("type", ""), value.get("type", "table"))
    low, above = value.get("minimum"), value.get("exclusiveMinimum")
    high, below = value.get("maximum"), value.get("exclusiveMaximum")
    limits = [f"from {low:,}"] if low is not None else [f"above {above:,}"] if above is not None else []
    limits += [f"to {high:,}"] if high is not None else [f"below {below:,}"] if below is not None else []
    between = " and " if above is not None or below is not None else " "
    return f"{name} {between.join(limits)}".rstrip()


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
