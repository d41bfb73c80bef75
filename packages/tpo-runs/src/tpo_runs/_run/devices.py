"""The devices of this machine, and the memory of compiled programs."""

import contextlib
import functools
import gc
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import jax

from .._errors import ConfigError
from .._text import nearest, printable

GPU_EXTRAS = "NVIDIA GPUs need pip install 'tpo-runs[cuda12]' or 'tpo-runs[cuda13]'"
KNOWN_FLAGS = (
    "--xla_backend_optimization_level=",
    "--xla_cpu_parallel_codegen_split_count=",
    "--xla_cpu_use_fusion_emitters=",
    "--xla_force_host_platform_device_count=",
)


def set_up_jax(*, short: bool = False, cpus: int | None = None) -> None:
    """Configure JAX for the program. Settings in the environment take precedence.

    Must run before JAX does anything else in this process. Each CPU core becomes a device, so that seeds
    train in parallel: XLA's threads leave cores idle on steps this small. Compiled programs are cached in the
    user's cache directory. On a GPU, matrix products are full float32, so that results agree with a CPU up to
    rounding.

    Args:
        short: whether compilation takes longer than training.
        cpus: number of CPU cores to use, which overrides the environment; by default all.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    for flag, value in _compiler_flags(short) if not _has_gpu_plugin() else ():
        if flag not in flags:
            os.environ["XLA_FLAGS"] = flags = f"{flags} --{flag}={value}".strip()
    in_environment = "JAX_NUM_CPU_DEVICES" in os.environ or "host_platform_device_count" in flags
    if cpus is not None or not in_environment:
        with contextlib.suppress(RuntimeError):  # JAX is already running
            jax.config.update("jax_num_cpu_devices", cpus or _cores())
    if _has_gpu_plugin() and "JAX_DEFAULT_MATMUL_PRECISION" not in os.environ:
        jax.config.update("jax_default_matmul_precision", "highest")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        # Without a writable directory, programs are compiled each time.
        with contextlib.suppress(OSError, RuntimeError):
            cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tpo-runs" / "xla"
            cache.mkdir(parents=True, exist_ok=True)
            jax.config.update("jax_compilation_cache_dir", str(cache))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def check_devices() -> None:
    """Initialize the devices of JAX."""
    _check_flags(os.environ.get("XLA_FLAGS", ""))
    try:
        jax.devices()
    except Exception as error:  # JAX's plugins raise any type, some without a message
        raise ConfigError([_device_fault(error)]) from None


def _device_fault(error: Exception) -> str:
    why = " ".join((str(error) or "it cannot be initialized").splitlines()[0].split())
    if (cpus := os.environ.get("JAX_NUM_CPU_DEVICES", "1")) and not (cpus.isdecimal() and int(cpus) > 0):
        return f"JAX_NUM_CPU_DEVICES={cpus}: expected an integer of at least 1"
    requested = os.environ.get("JAX_PLATFORMS", "")
    if not requested:
        return f"JAX finds no device: {why}"
    available = ["cpu", *(["cuda"] if _has_gpu_plugin() else [])]
    near = {"gpu": "cuda", **{name: name for name in (*available, "cuda", "tpu", "rocm")}}
    meant = nearest(requested, near)
    hint = f"; did you mean {near[meant]!r}?" if meant and near[meant] != requested else ""
    extra = "" if _has_gpu_plugin() else f"; {GPU_EXTRAS}"
    fault = f"JAX_PLATFORMS={printable(requested)}: not available: {why}{hint}"
    return f"{fault}; available: {', '.join(available)}{extra}"


@functools.cache
def _check_flags(flags: str) -> None:
    """Refuse unknown XLA flags. XLA aborts on one, so another process tries them."""
    if all(word.startswith(KNOWN_FLAGS) for word in flags.split()):
        return
    program = "from jaxlib import xla_client; xla_client.make_cpu_client()"
    tried = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, errors="replace")
    if tried.returncode and (lines := [line for line in tried.stderr.splitlines() if "XLA_FLAGS" in line]):
        raise ConfigError([f"XLA_FLAGS={printable(flags)}: {lines[0].partition('] ')[2] or lines[0]}"])


def _compiler_flags(short: bool) -> list[tuple[str, str]]:
    # Compiles a quarter faster than the default of 3, and the programs are as fast.
    flags = [("xla_backend_optimization_level", "1")]
    # Compiles twice as fast, and the programs are 1.1 to 1.7 times slower. jaxlib 0.11.1 removed the flag,
    # and XLA aborts on unknown flags.
    emitters = [("xla_cpu_use_fusion_emitters", "false")] if short and _jaxlib() < (0, 11, 1) else []
    return [*flags, *emitters]


def _jaxlib() -> tuple[int, ...]:
    return tuple(int(part) for part in importlib.metadata.version("jaxlib").split(".")[:3])


def _has_gpu_plugin() -> bool:
    return any(importlib.util.find_spec(name) for name in ("jax_cuda12_plugin", "jax_cuda13_plugin"))


def _cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def drop_programs(max_maps: int = 16_000) -> None:
    """Clear JAX's caches of compiled programs if this process has many memory maps.

    JAX keeps every compiled program, which is about 1,000 memory maps on a CPU, and Linux allows a process
    65,530. Programs that are referenced elsewhere stay.
    """
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > max_maps:
        jax.clear_caches()
        gc.collect()
