"""The settings of JAX that change results, which every run fixes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

# The defaults of JAX 0.10. Settings that another version lacks are skipped.
FIXED = {
    "jax_default_prng_impl": "threefry2x32",
    "jax_enable_custom_prng": False,
    "jax_threefry_partitionable": True,
    "jax_threefry_gpu_kernel_lowering": False,
    "jax_high_dynamic_range_gumbel": False,
    "jax_random_seed_offset": 0,
    "jax_enable_x64": False,
    "jax_default_dtype_bits": "64",
    "jax_numpy_dtype_promotion": "standard",
    "jax_allow_f16_reductions": True,
    "jax_softmax_custom_jvp": False,
    "jax_disable_jit": False,
    "jax_disable_most_optimizations": False,
    "jax_exec_time_optimization_effort": 0.0,
    "jax_memory_fitting_effort": 0.0,
    "jax_optimization_level": "UNKNOWN",
    "jax_compiler_enable_remat_pass": True,
    "jax_enable_pgle": False,
    "jax_default_device": None,
}
ALTERNATIVES = {
    "jax_disable_jit": "; jax.debug.print shows values in a compiled function",
    "jax_default_device": "; JAX_PLATFORMS chooses the devices",
}
# Off during training, whose metrics are NaN where a seed has diverged; on while the cause is searched.
DEBUGGING = ("jax_debug_nans", "jax_debug_infs")


@contextmanager
def fixed_settings() -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """Fix the settings of JAX in all threads within this context.

    Yields a line for each environment variable without effect, and the requested settings of `DEBUGGING`.
    """
    wanted = FIXED | dict.fromkeys(DEBUGGING, False)
    before = {name: _plain(jax.config.values[name]) for name in wanted if name in jax.config.values}
    ignored = [
        f"{name.upper()}={os.environ[name.upper()]} has no effect: every run uses {wanted[name]}"
        f"{ALTERNATIVES.get(name, '')}"
        for name in before
        if name in FIXED and name.upper() in os.environ and before[name] != wanted[name]
    ]
    changed = {name: value for name, value in before.items() if value != wanted[name]}
    for name in changed:
        jax.config.update(name, wanted[name])
    try:
        yield ignored, tuple(name for name in DEBUGGING if before.get(name))
    finally:
        for name, value in changed.items():
            jax.config.update(name, value)


def _plain(value: Any) -> Any:
    """The value in the form that `jax.config.update` accepts; some settings are stored as enum members."""
    return getattr(value, "value", value)
