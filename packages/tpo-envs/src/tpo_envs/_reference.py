"""Scores of the methods of `tpo-runs` on a part of the suite."""

import copy
import functools
import json
from importlib import resources
from typing import Any


@functools.cache
def _data() -> dict[str, Any]:
    return json.loads(resources.files("tpo_envs").joinpath("data/reference_scores.json").read_text("utf-8"))


def reference_scores(task_id: str | None = None) -> dict[str, Any]:
    """The scores of the methods of `tpo-runs`, with their provenance.

    Args:
        task_id: an id of `list_tasks()`; all by default.

    Returns:
        For one id, by method: `normalized` and `mean_return` of every seed and the number of answers scored
        in training; empty if there are none. By default, the complete record with its `provenance`: command,
        versions, machine, seconds.

    Example:
        >>> from tpo_envs import reference_scores
        >>> sorted(reference_scores("token-reversal-terminal-h3-v2"))
        ['DG', 'GRPO', 'PPO', 'TPO']
    """
    return copy.deepcopy(_data() if task_id is None else _data()["tasks"].get(task_id, {}))
