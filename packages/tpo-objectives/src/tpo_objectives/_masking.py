"""Dropping the groups that carry no signal."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import at_least_float32, read_group, rounded
from ._standardize import center, groups_per_informative, is_informative


def informative_only(objective: Callable[..., Float[Array, "*b"]]) -> Callable[..., Float[Array, "*b"]]:
    r"""Drops groups whose scores are all equal from a group objective, and averages over the others.

    $$L'_i = L_i \, m_i \, \frac{n}{\max(1, \sum_j m_j)}, \qquad m_i = [\sigma(s_i) > 10^{-6}]$$

    over the `n` groups of the batch that hold a candidate. The mean of the returned losses over **all**
    groups is then the mean of the objective over the informative groups, with a denominator of at least 1.
    Applied to `grpo` this is the paper's "GRPO (masked)".

    The scale couples the groups of the batch. So, unlike the objectives, the wrapped function gives other
    results under `jax.vmap` over groups, where each group is a batch of its own, than on the whole batch. You
    can map it over batches, for example one per seed.

    Args:
        objective: any group objective `(logp, old_logp, scores, **options)`, from `[*b, k]` to `[*b]`.

    Returns:
        A function with the name, signature and options of `objective`. It raises what `objective` raises.

    Raises:
        ValueError: when called, if `objective` does not return one loss per group.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import group_pg, informative_only
        >>> logp = jnp.log(jnp.array([[0.1, 0.9], [0.4, 0.6]]))
        >>> scores = jnp.array([[1.0, 0.0], [1.0, 1.0]])
        >>> print(np.asarray(group_pg(logp, logp, scores)).round(2))
        [2.2 0. ]
        >>> print(np.asarray(informative_only(group_pg)(logp, logp, scores)).round(2))  # mean 2.2
        [4.39 0.  ]

    Source:
        arXiv 2604.06159, figure 13.
    """

    @functools.wraps(objective)
    def masked(
        logp: Float[Array, "*b k"],
        old_logp: Float[Array, "*b k"],
        scores: Float[Array, "*b k"],
        *,
        where: Bool[Array, "*b k"] | None = None,
        **options: Any,
    ) -> Float[Array, "*b"]:
        arrays, mask, _ = read_group("informative_only", where, logp=logp, old_logp=old_logp, scores=scores)
        wide = arrays[2]
        if where is not None:
            options["where"] = where
        losses = objective(logp, old_logp, scores, **options)
        if losses.shape != wide.shape[:-1]:
            raise ValueError(
                f"informative_only: the objective must return one loss per group, shape {wide.shape[:-1]}, "
                f"got {losses.shape}. Wrap a group objective, such as grpo, and reduce after the call."
            )
        _, std = center(wide, mask)
        informative = is_informative(std).squeeze(-1)
        # Bfloat16 represents all integers only up to 256.
        kept = jnp.where(informative, losses, 0.0).astype(at_least_float32(losses.dtype))
        return rounded(kept * groups_per_informative(informative, mask, kept.dtype), losses.dtype)

    return masked
