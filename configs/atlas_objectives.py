"""The objective of configs/atlas.toml that is between a target and a gradient."""

import jax
from jaxtyping import Array, Bool, Float

from tpo_objectives import surrogates, tpo_target


def target_advantage(
    logp: Float[Array, "*b k"],
    old_logp: Float[Array, "*b k"],
    scores: Float[Array, "*b k"],
    *,
    eta: float = 1.0,
    clip: float = 0.2,
    where: Bool[Array, "*b k"] | None = None,
) -> Float[Array, "*b"]:
    """PPO's clipped surrogate with TPO's target as the advantage: `A = k (q - p_old)`.

    Its gradient is that of TPO before the first gradient step, times the number of candidates `k`. Then the
    ratio is clipped where TPO goes on to `q`.
    """
    q = tpo_target(old_logp, scores, eta=eta, where=where)
    p_old = jax.nn.softmax(old_logp, where=where)
    advantages = logp.shape[-1] * (q - p_old)
    return surrogates.clipped(logp, old_logp, advantages, low=clip, high=clip, where=where).sum(axis=-1)
