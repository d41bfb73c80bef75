"""Turns functions of group scores into Tunix advantage estimators."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def advantage_estimator(
    advantage: Callable[[Float[Array, "b k"]], Float[Array, "b k"]],
) -> Callable[..., np.ndarray]:
    """Make a Tunix advantage estimator from a function of group scores.

    Args:
        advantage: maps scores `[b, k]` to advantages `[b, k]`, for example a function of
            `tpo_objectives.advantages`.

    Returns:
        A function for `tunix.rl.function_registry.register_advantage_estimator`.

    Raises:
        ValueError: when called, if the rewards are not those of whole groups.

    Example:
        >>> import numpy as np
        >>> from tpo_objectives import advantages
        >>> from tpo_objectives.tunix import advantage_estimator
        >>> estimate = advantage_estimator(advantages.relative)
        >>> estimate(rewards=np.array([1.0, 0.0, 0.0, 0.0]), num_generations=4)
        array([ 3., -1., -1., -1.], dtype=float32)
    """

    def estimate(rewards: Any, num_generations: int, **_: Any) -> np.ndarray:
        scores = np.asarray(rewards, np.float32)
        if scores.ndim != 1 or scores.size % num_generations:
            raise ValueError(
                f"tpo_objectives.tunix: rewards of shape {scores.shape} are not those of groups of "
                f"num_generations={num_generations}. Pass one reward per answer, group by group."
            )
        groups = advantage(jnp.asarray(scores.reshape(-1, num_generations)))
        return np.asarray(groups).reshape(-1)

    return estimate
