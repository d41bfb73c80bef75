"""Seeds of one cell belong together: what would tell them apart is refused before anything is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from .._errors import ConfigError
from .._store import Store
from .blocks import Block
from .checkpoint import Checkpoints
from .origin import origin

WAYS = "choose another --out, or --overwrite, which trains it again"
# The flags that the program sets itself: their defaults, where it had no reason to.
OWN_FLAGS = {"xla_backend_optimization_level": "1"}
# Flags that change no number, or only by rounding as the program itself does in short runs: other
# provenance tells of them.
HARMLESS = ("xla_dump", "xla_force_host_platform_device_count", "xla_cpu_use_fusion_emitters")
EXACT = (None, "highest", "float32")


def check_not_mixed(blocks: Mapping[str, Sequence[Block]], store: Store) -> None:
    """Refuse to train further seeds of a cell otherwise than those that it has.

    Args:
        blocks: what is to be trained, by the key of the cell.
        store: where its earlier seeds are, finished or on the way.

    Raises:
        ConfigError: with one line for each setting, file or data set that is another one now.
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
        where = f"{store.root}: holds seeds that were trained otherwise"
        raise ConfigError(f"{where}: {text}, for {', '.join(of)}; {WAYS}" for text, of in labels.items())


def _earlier(blocks: Sequence[Block], store: Store) -> list[Mapping[str, Any]]:
    """The provenance of the finished seeds of a cell, and of the checkpoints that training goes on from."""
    begun = [Checkpoints(store.checkpoints(block.cell.key, block.seeds), {}).facts() for block in blocks]
    return [
        *store.provenances(blocks[0].cell.key),
        *(facts["provenance"] for facts in begun if facts and "provenance" in facts),
    ]


def conflicts(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What a user has set otherwise between two provenances, in words.

    What an older provenance lacks was not recorded then, and counts as equal.
    """
    before, after = _settings(earlier), _settings(now)
    lines = [
        f"{name} was {before.get(name, 'not set')}, and is {after.get(name, 'not set')} now"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    for record, what in (("objective", "the source of module"), ("data", "the content of data set")):
        there, here = earlier.get(record) or {}, now.get(record) or {}
        lines += [
            f"{what} {name!r} has changed: its SHA-256 was {there[name][:12]}, and is {here[name][:12]} now"
            for name in there
            if name in here and here[name] != there[name]
        ]
    return lines


def _settings(record: Mapping[str, Any]) -> dict[str, str]:
    flags = OWN_FLAGS | _flags(record.get("xla_flags", ""))
    precision = record.get("matmul_precision")
    # On a CPU the default is exact; on a GPU it is not, and the program sets another one.
    gpu = any(not device.startswith("cpu") for device in record.get("devices", ()))
    exact = precision in (EXACT[1:] if gpu else EXACT)
    return {
        **{f"XLA_FLAGS --{name}": value for name, value in flags.items() if not name.startswith(HARMLESS)},
        "JAX_DEFAULT_MATMUL_PRECISION": "highest" if exact else precision or "default",
        **record.get("environment", {}),
    }


def _flags(text: str) -> dict[str, str]:
    """The flags by name; the last of several counts, as XLA reads them."""
    pairs = (word.lstrip("-").partition("=") for word in text.split())
    return {name: value or "true" for name, _, value in pairs}
