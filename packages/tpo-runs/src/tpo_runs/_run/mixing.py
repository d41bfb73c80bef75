"""All seeds of a cell must be trained with the same settings, objective and data."""

from collections.abc import Mapping, Sequence
from typing import Any

from .._errors import ConfigError
from .._store import Store
from .blocks import Block
from .checkpoint import Checkpoints
from .machine import origin

FIX = "choose another --out, or --overwrite, which trains it again"
# Defaults of the flags that the program sets itself.
OWN_FLAGS = {"xla_backend_optimization_level": "1"}
# Flags that change results at most by rounding, as short runs do.
HARMLESS = ("xla_dump", "xla_force_host_platform_device_count", "xla_cpu_use_fusion_emitters")
EXACT = (None, "highest", "float32")


def check_not_mixed(blocks: Mapping[str, Sequence[Block]], store: Store) -> None:
    """Refuse to train more seeds of a cell with other settings than its earlier seeds.

    `blocks` are those to train, by the key of their cell. Earlier seeds are stored or at a checkpoint.
    """
    labels: dict[str, list[str]] = {}
    for of_cell in blocks.values():
        if not of_cell:
            continue
        cell = of_cell[0].cell
        now = origin(cell)
        found = [text for record in _earlier(of_cell, store) for text in conflicts(record, now)]
        for text in dict.fromkeys(found):
            labels.setdefault(text, []).append(cell.label)
    if labels:
        where = f"{store.root}: holds seeds with other settings"
        raise ConfigError(f"{where}: {text}, for {', '.join(of)}; {FIX}" for text, of in labels.items())


def _earlier(blocks: Sequence[Block], store: Store) -> list[Mapping[str, Any]]:
    """The provenances of the stored seeds of a cell, and of the checkpoints of these blocks."""
    begun = [Checkpoints(store.checkpoints(block.cell.key, block.seeds), {}).facts() for block in blocks]
    return [
        *store.provenances(blocks[0].cell.key),
        *(facts["provenance"] for facts in begun if facts and "provenance" in facts),
    ]


def conflicts(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Describe the settings, modules and data sets that differ between two provenances.

    Records that an older provenance lacks count as equal.
    """
    before, after = _settings(earlier), _settings(now)
    lines = [
        f"{name} was {before.get(name, 'not set')} and is {after.get(name, 'not set')} now"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    for record, what in (("objective", "the source of module"), ("data", "the content of data set")):
        there, here = earlier.get(record) or {}, now.get(record) or {}
        lines += [
            f"{what} {name!r} has changed: its SHA-256 was {there[name][:12]} and is {here[name][:12]} now"
            for name in there
            if name in here and here[name] != there[name]
        ]
    return lines


def _settings(record: Mapping[str, Any]) -> dict[str, str]:
    flags = OWN_FLAGS | _flags(record.get("xla_flags", ""))
    precision = record.get("matmul_precision")
    # The default is exact on a CPU, but not on a GPU, where the program sets another one.
    gpu = any(not device.startswith("cpu") for device in record.get("devices", ()))
    exact = precision in (EXACT[1:] if gpu else EXACT)
    return {
        **{f"XLA_FLAGS --{name}": value for name, value in flags.items() if not name.startswith(HARMLESS)},
        "JAX_DEFAULT_MATMUL_PRECISION": "highest" if exact else precision or "default",
        **record.get("environment", {}),
    }


def _flags(text: str) -> dict[str, str]:
    """Flags by name. As in XLA, the last of several counts."""
    pairs = (word.lstrip("-").partition("=") for word in text.split())
    return {name: value or "true" for name, _, value in pairs}
