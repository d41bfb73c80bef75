"""Provenance: versions, devices and commit, and the differences between two provenances."""

import functools
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax

from .._config import Cell, ImagesSpec, LanguageModelSpec, sources_of
from .._store import BITS, Store, choose_entry
from .checkpoint import kept_policies

PACKAGES = (
    "tpo-runs",
    "tpo-objectives",
    "tpo-envs",
    "tpo-models",
    "jax",
    "jaxlib",
    "equinox",
    "optax",
    "numpy",
)
# Other variables than those of JAX and XLA that change results, on GPUs and TPUs.
VARIABLES = ("NVIDIA_TF32_OVERRIDE", "LIBTPU_INIT_ARGS")
# Names as in /proc/cpuinfo. XLA compiles for the widest vectors of the processor.
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}


def provenance(
    objective: Mapping[str, str] = MappingProxyType({}), data: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """The provenance that is stored with every result, as JSON values.

    `objective` has the SHA-256 of a user's own modules by name, and `data` that of the data set, of the
    pretrained model, and of policies to start from.
    """
    return {
        "versions": dict(_versions()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "devices": sorted({f"{device.platform}: {device.device_kind}" for device in jax.devices()}),
        "cpu_count": os.cpu_count(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        # None is JAX's default, which on recent NVIDIA GPUs is TF32: three digits.
        "matmul_precision": jax.config.values["jax_default_matmul_precision"],
        "environment": {name: os.environ[name] for name in VARIABLES if os.environ.get(name)},
        "git": _git(),
        "objective": dict(objective),
        "data": dict(data),
    }


def origin(cell: Cell) -> dict[str, Any]:
    """The provenance of the results of a cell: that of this process, its user's modules and its data."""
    return provenance(sources_of(cell), {**data_hashes(cell), **_start_hashes(cell)})


def data_hashes(cell: Cell) -> dict[str, str]:
    """The SHA-256 of a cell's data set and of its pretrained model, by name."""
    task, policy = cell.task, cell.policy
    data = {task.dataset: task.data_hash()} if isinstance(task, ImagesSpec) else {}
    if isinstance(policy, LanguageModelSpec):
        data[policy.model] = policy.data_hash()
    return data


def _start_hashes(cell: Cell) -> dict[str, str]:
    """The SHA-256 of the trained policies that a cell starts from, by their directories."""
    if (start := cell.policy.start) is None:
        return {}
    store = Store(start.out)
    key = choose_entry(store, start.method, start.point)["key"]
    found = [kept_policies(store, key, block.seeds) for block in store.blocks(key)]
    return {str(kept.directory): kept.state_hash() for kept in found}


@functools.cache
def _versions() -> Mapping[str, str]:
    return {name: importlib.metadata.version(name) for name in PACKAGES}


@functools.cache
def processor(listing: Path = Path("/proc/cpuinfo")) -> str:
    """The name of the CPU and, on Linux, its widest vectors, such as "AMD EPYC, AVX2"."""
    try:
        lines = listing.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", "").split()
    name = facts.get("model name") or platform.processor() or platform.machine()
    return ", ".join([name, *[word for flag, word in VECTORS.items() if flag in flags][:1]])


def changes(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Describe the differences between two provenances that may change the last bits of a result.

    >>> changes({"versions": {"jax": "0.10.1"}, "python": "3.11.2"}, {"versions": {"jax": "0.10.2"}})
    ['jax 0.10.1, now 0.10.2', 'python 3.11.2, now unknown']
    """
    before, after = dict(_flat(earlier)), dict(_flat(now))
    return [
        f"{name} {_short(before.get(name))}, now {_short(after.get(name))}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _flat(record: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name in BITS:
        value = record.get(name)
        if isinstance(value, Mapping):
            yield from value.items()
        elif value is not None:
            yield name, value


def _short(value: Any) -> str:
    if value is None:
        return "unknown"
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return text if len(text) < 64 else f"{text[:12]}..."


@functools.cache
def _git() -> dict[str, Any] | None:
    """The commit of the checkout that this package runs from; None if it was installed from a wheel."""
    here = Path(__file__).parent

    def output(*command: str) -> str | None:
        try:
            # Without optional locks, git writes nothing into the repository.
            words = ["git", "--no-optional-locks", *command]
            done = subprocess.run(words, cwd=here, capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if output("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    return {
        "commit": output("rev-parse", "HEAD"),
        "dirty": bool(output("status", "--porcelain", "--untracked-files=no")),
    }
