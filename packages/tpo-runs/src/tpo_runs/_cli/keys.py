"""The keys of configs that overrides can set, and the override that sets one of them in a given config."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from .._config import (
    KINDS,
    PLAIN,
    SECTIONS,
    TOP_SECTIONS,
    Config,
    LoadedConfig,
    StartSpec,
    is_tuned,
    load_config,
    parse_value,
)
from .._errors import ConfigError

# Keys beside the sections, which no override sets.
ALONE = tuple(key for key in Config.model_fields if key not in (*TOP_SECTIONS, "method", "grid"))
OF_METHOD = tuple(section for section in SECTIONS if section not in TOP_SECTIONS)


@dataclass(frozen=True)
class Key:
    """A key that an override can set."""

    path: str  # of its override, such as "schedule.steps" or "method.NAME.objective.eta"
    field: FieldInfo  # the type of its values
    kinds: Sequence[str] = ()  # the kinds of its section that have it, if these are few
    now: Any = None  # its value in the config; None if it has none, or if there is no config

    @property
    def name(self) -> str:
        """The key itself, without its section."""
        return self.path.rpartition(".")[2]

    @property
    def described(self) -> str:
        """Its override, with the kinds that have the key."""
        if not self.kinds or self.path.startswith("method."):
            return f"--{self.path}"
        return f"--{self.path} (of {self.path.partition('.')[0]}.kind {' or '.join(self.kinds)})"

    def takes(self, text: str) -> bool:
        """Whether a value, as typed, has the type of the key."""
        try:
            kind = TypeAdapter(Annotated[self.field.annotation, self.field])  # pyright: ignore
            kind.validate_python(parse_value(text), strict=True)
        except ValidationError:
            return False
        return True

    def accepted(self, loaded: LoadedConfig, text: str | None) -> str | None:
        """The override of this key that the config accepts; None if it accepts none.

        The config may sweep the key in its grid, or set it in every method. A value that it refuses, or that
        is not given, stands for the present one.
        """
        values = [text] if text is not None else []
        values += [json.dumps(self.now)] if self.now is not None else []
        if not values:
            return f"--{self.path}"
        first = loaded.config.method[0].name
        swept = self.path in loaded.config.grid
        other = f"grid.{self.path}" if swept else f"method.{first}.{self.path}"
        for value in values:
            for path, typed in ((self.path, value), (other, f"[{value}]" if swept else value)):
                if load(loaded.path, [(path, typed)]):
                    return f"--{path}"
        return None


def load(config: Path, overrides: Sequence[tuple[str, str]] = ()) -> LoadedConfig | None:
    """The config with overrides; None if it is refused."""
    try:
        return load_config(config, overrides=overrides)
    except ConfigError:
        return None


def keys_of(loaded: LoadedConfig) -> list[Key]:
    """All keys of the kinds that a config has."""
    config = loaded.config
    used = [section for section in TOP_SECTIONS if section != "tune" or is_tuned(config)]
    tables = [(section, getattr(config, section)) for section in used]
    tables += [
        (f"method.{method.name}.{section}", getattr(method, section))
        for method in config.method
        for section in OF_METHOD
    ]
    return [
        Key(path, field, now=value)
        for place, table in tables
        for path, field, value in _fields(place, type(table), table.model_dump(mode="json"))
    ]


def all_keys() -> list[Key]:
    """All keys of all kinds."""
    keys = []
    for section in dict.fromkeys((*TOP_SECTIONS, *SECTIONS)):
        place = section if section in TOP_SECTIONS else f"method.NAME.{section}"
        kinds = KINDS[section] if section in KINDS else {"": PLAIN[section]}
        having: dict[str, list[str]] = {}
        fields: dict[str, FieldInfo] = {}
        for kind, model in kinds.items():
            for path, field, _ in _fields(place, model, {}):
                having.setdefault(path, []).append(kind)
                fields.setdefault(path, field)
        keys += [
            Key(path, field, having[path] if section in KINDS and 3 * len(having[path]) <= len(kinds) else ())
            for path, field in fields.items()
        ]
    return keys


def _fields(
    place: str, model: type[BaseModel], values: Mapping[str, Any] | None
) -> Iterator[tuple[str, FieldInfo, Any]]:
    """The path, type and value of each key of a table and of the tables within it."""
    for name, field in model.model_fields.items():
        value = (values or {}).get(name)
        yield f"{place}.{name}", field, value
        options = (field.annotation, *get_args(field.annotation))
        for inner in options:
            # The keys of `policy.start` name another run, not this one.
            if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not StartSpec:
                yield from _fields(f"{place}.{name}", inner, value)
