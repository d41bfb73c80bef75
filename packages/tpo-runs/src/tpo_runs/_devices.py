"""The devices of this machine, and what compiled programs take of it."""

import contextlib
import gc
import importlib.metadata
import importlib.util
import os
from pathlib import Path

import jax


def set_up_jax(*, short: bool = False, cpus: int | None = None) -> None:
    """Settings of the program, not of the library. What the environment sets already is left alone.

    They take effect where JAX has not run anything yet in this process.

    Every CPU core counts as a device, so that seeds train side by side: XLA's own threads leave much of a
    second core idle on steps this small. Compiled programs are kept in the user's cache directory. On a GPU,
    matrix products are full float32, so that it agrees with a CPU to rounding.

    Args:
        short: whether the run is over so soon that compiling counts for more than training.
        cpus: CPU cores to use, also where the environment says otherwise; by default all.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    for flag, value in _compiler_flags(short) if not _has_gpu_plugin() else ():
        if flag not in flags:
            os.environ["XLA_FLAGS"] = flags = f"{flags} --{flag}={value}".strip()
    told = "JAX_NUM_CPU_DEVICES" in os.environ or "host_platform_device_count" in flags
    if cpus is not None or not told:
        with contextlib.suppress(RuntimeError):  # too late: JAX runs already
            jax.config.update("jax_num_cpu_devices", cpus or _cores())
    if _has_gpu_plugin() and "JAX_DEFAULT_MATMUL_PRECISION" not in os.environ:
        jax.config.update("jax_default_matmul_precision", "highest")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(cache / "tpo-runs" / "xla"))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def _compiler_flags(short: bool) -> list[tuple[str, str]]:
    # Compiles a quarter faster than the default of 3, and what it compiles is as fast.
    flags = [("xla_backend_optimization_level", "1")]
    # Compiles twice as fast, and what it compiles is 1.1 to 1.7 times slower. XLA ends the program at a flag
    # that it does not know, and since jaxlib 0.11.1 it does not know this one.
    emitters = [("xla_cpu_use_fusion_emitters", "false")] if short and _jaxlib() < (0, 11, 1) else []
    return [*flags, *emitters]


def _jaxlib() -> tuple[int, ...]:
    return tuple(int(part) for part in importlib.metadata.version("jaxlib").split(".")[:3])


def _has_gpu_plugin() -> bool:
    return any(importlib.util.find_spec(name) for name in ("jax_cuda12_plugin", "jax_cuda13_plugin"))


def _cores() -> int:
    """The cores this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def let_go_of_programs(most_maps: int = 16_000) -> None:
    """Make JAX forget its compiled programs when they take up many memory maps of this process.

    JAX keeps all that it has compiled, about 1,000 memory maps a program on CPU, and Linux allows a process
    65,530. A program that is still held elsewhere stays; what is used again comes from the cache on disk.
    """
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > most_maps:
        jax.clear_caches()
        gc.collect()
