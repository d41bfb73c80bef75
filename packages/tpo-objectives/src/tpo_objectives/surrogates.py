r"""Surrogates: the loss of one unit, a token or an answer, given its advantage.

Each one maps current log-probs, log-probs at sampling time and advantages, all of one shape, to losses of
that shape. Each one is therefore an objective of single samples, like `ppo`, and you can pass it to
`policy_gradient`. Advantages and log-probs at sampling time are constants for `jax.grad`.

$$d = \mathrm{clip}(\ell - \ell^{\mathrm{old}}, -20, 20), \qquad r = e^d$$
"""

from ._ratio_surrogates import clipped, sapo
from ._reinforce import reinforce as plain
from ._reinforce_surrogates import cispo, dppo, dro, topr

__all__ = ["cispo", "clipped", "dppo", "dro", "plain", "sapo", "topr"]
