"""The devices of this machine, and what compiled programs take of it."""

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
from .._text import ascii_safe, nearest

GPU_EXTRAS = "NVIDIA GPUs need pip install 'tpo-runs[cuda12]' or 'tpo-runs[cuda13]'"
KNOWN_FLAGS = (
    "--xla_backend_optimization_level=",
    "--xla_cpu_use_fusion_emitters=",
    "--xla_force_host_platform_device_count=",
)


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
        # Without a place to write to, programs are compiled each time.
        with contextlib.suppress(OSError, RuntimeError):
            cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tpo-runs" / "xla"
            cache.mkdir(parents=True, exist_ok=True)
            jax.config.update("jax_compilation_cache_dir", str(cache))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def check_devices() -> None:
    """Start JAX on its devices.

    Raises:
        ConfigError: the environment asks for what is not there, or for what XLA does not know.
    """
    _check_flags(os.environ.get("XLA_FLAGS", ""))
    try:
        jax.devices()
    except Exception as error:  # from JAX's plugins, of any type, and at times without a word
        raise ConfigError([_device_fault(error)]) from None


def _device_fault(error: Exception) -> str:
    why = " ".join((str(error) or "it cannot be started").splitlines()[0].split())
    if (cpus := os.environ.get("JAX_NUM_CPU_DEVICES", "1")) and not (cpus.isdecimal() and int(cpus) > 0):
        return f"JAX_NUM_CPU_DEVICES={cpus}: expected a whole number from 1 on"
    asked = os.environ.get("JAX_PLATFORMS", "")
    if not asked:
        return f"JAX finds no device: {why}"
    there = ["cpu", *(["cuda"] if _has_gpu_plugin() else [])]
    near = {"gpu": "cuda", **{name: name for name in (*there, "cuda", "tpu", "rocm")}}
    meant = nearest(asked, near)
    hint = f"; did you mean {near[meant]!r}?" if meant and near[meant] != asked else ""
    extra = "" if _has_gpu_plugin() else f"; {GPU_EXTRAS}"
    return f"JAX_PLATFORMS={ascii_safe(asked)}: not here: {why}{hint}; there is: {', '.join(there)}{extra}"


@functools.cache
def _check_flags(flags: str) -> None:
    """Refuse flags that XLA does not know. It ends the process at one, so another process has to try."""
    if all(word.startswith(KNOWN_FLAGS) for word in flags.split()):
        return
    program = "from jaxlib import xla_client; xla_client.make_cpu_client()"
    tried = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, errors="replace")
    if tried.returncode and (said := [line for line in tried.stderr.splitlines() if "XLA_FLAGS" in line]):
        raise ConfigError([f"XLA_FLAGS={ascii_safe(flags)}: {said[0].partition('] ')[2] or said[0]}"])


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


def drop_programs(most_maps: int = 16_000) -> None:
    """Make JAX forget its compiled programs when they take up many memory maps of this process.

    JAX keeps all that it has compiled, about 1,000 memory maps a program on CPU, and Linux allows a process
    65,530. A program that is still held elsewhere stays; what is used again comes from the cache on disk.
    """
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > most_maps:
        jax.clear_caches()
        gc.collect()
