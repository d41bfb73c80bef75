"""A check of the memory of a device before training."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import jax

from .._config import Cell
from .._errors import ConfigError

CGROUP = Path("/sys/fs/cgroup/memory.max")


def check_memory(cell: Cell, needed: int, needed_with: Callable[[int], int]) -> None:
    """Refuse a program that needs more memory than the device has, and name the micro-batches that would fit.

    `needed` are the bytes of the program; `needed_with` those with another number of micro-batches, which it
    compiles.
    """
    available = device_bytes()
    if available is None or needed <= available:
        return
    fault = f"a step needs {_gigabytes(needed)} of memory, but {jax.devices()[0].platform} has"
    fault = f"{fault} only {_gigabytes(available)}"
    prompts, now = getattr(cell.rollout, "prompts", 1), cell.schedule.microbatches
    for count in (n for n in range(now + 1, prompts + 1) if prompts % n == 0):
        if (fewer := needed_with(count)) <= available:
            raise ConfigError([f"{fault}; schedule.microbatches = {count} needs {_gigabytes(fewer)}"])
    others = ["train fewer seeds at once by schedule.block"] if cell.schedule.block > 1 else []
    others += ["train adapters by policy.lora"] if getattr(cell.policy, "lora", "") is None else []
    others += ["choose a smaller model"]
    raise ConfigError([f"{fault}, and no number of schedule.microbatches fits; {', or '.join(others)}"])


def device_bytes() -> int | None:
    """The memory of the first device, that of the machine or of its container for a CPU; None if unknown."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return (device.memory_stats() or {}).get("bytes_limit")
    limits = []
    with contextlib.suppress(ValueError, OSError, AttributeError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(ValueError, OSError):  # no container, or "max"
        limits.append(int(CGROUP.read_text()))
    return min(limits, default=None)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
