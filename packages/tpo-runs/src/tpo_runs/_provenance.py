"""Where results come from: versions, device and commit."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import jax

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


def provenance() -> dict[str, Any]:
    """What is stored beside every result, made of what JSON can hold."""
    return {
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "devices": sorted({f"{device.platform}: {device.device_kind}" for device in jax.devices()}),
        "cpu_count": os.cpu_count(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "git": _git(),
    }


def _git() -> dict[str, Any] | None:
    """The commit of the checkout that this package runs from, or None where it was installed from a wheel."""
    here = Path(__file__).parent

    def ask(*command: str) -> str | None:
        try:
            done = subprocess.run(["git", *command], cwd=here, capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if ask("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    return {
        "commit": ask("rev-parse", "HEAD"),
        "dirty": bool(ask("status", "--porcelain", "--untracked-files=no")),
    }
