"""The config of a bandit that trains in a moment, with what a test changes of it."""

from pathlib import Path
from typing import Any

import tomli_w

from tpo_runs._cli import main


def method(name: str = "TPO", kind: str = "tpo", **tables: Any) -> dict[str, Any]:
    """A method that sees all actions of all contexts."""
    rollout = {"kind": "exact_group", "contexts": "all"}
    return {"name": name, "objective": {"kind": kind}, "rollout": rollout, **tables}


def bandit(*methods: dict[str, Any], **tables: Any) -> dict[str, Any]:
    """The config; `tables` are in the place of its own, or beside them."""
    own = {
        "figures": [],
        "task": {"kind": "symmetric_bandit", "actions": 10},
        "policy": {"kind": "logit_table", "initial_std": 1.0},
        "optimizer": {"kind": "adam", "learning_rate": 0.1},
        "schedule": {"steps": 4, "seeds": 2},
    }
    return {**own, **tables, "method": list(methods) or [method()]}


def write(config: dict[str, Any], folder: Path = Path()) -> None:
    (folder / "config.toml").write_text(tomli_w.dumps(config))


def train(out: str, *flags: str) -> int:
    """The exit code of a run of the config in the working directory."""
    return main(["config.toml", "--out", out, "--quiet", *flags])
