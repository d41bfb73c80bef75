"""The objectives for Tunix. Importing this module registers them under the prefix `tpo_objectives/`.

- Policy losses for every anchor of `tpo`, such as `tpo_objectives/tpo_ratio`, which we recommend for answers
  of many tokens, and `tpo_objectives/tpo_sum`, which is the paper's.
- Policy losses `tpo_objectives/NAME` for the objectives that Tunix does not have; `LOSSES` lists all.
- The advantage estimator `tpo_objectives/scores`, which all of these losses need because it passes the scores
  on to them.
- Advantage estimators `tpo_objectives/NAME` for Tunix's own losses; `ESTIMATORS` lists all.

Example:
    >>> import tpo_objectives.tunix
    >>> from tunix.rl.grpo.grpo_learner import GRPOConfig
    >>> config = GRPOConfig(
    ...     policy_loss_fn="tpo_objectives/tpo_ratio",
    ...     advantage_estimator="tpo_objectives/scores",
    ...     num_generations=8,
    ...     beta=0.0,
    ... )
    >>> from tunix.rl import function_registry
    >>> callable(function_registry.get_policy_loss_fn(config.policy_loss_fn))
    True
"""

import functools
from typing import get_args

from tunix.rl import function_registry

import tpo_objectives

from . import advantages
from ._anchor import Anchor
from ._tpo import tpo
from ._tunix_advantages import advantage_estimator as advantage_estimator
from ._tunix_loss import SCORES as SCORES
from ._tunix_loss import policy_loss as policy_loss

__all__ = ["ESTIMATORS", "LOSSES", "SCORES", "advantage_estimator", "policy_loss"]

PREFIX = "tpo_objectives/"
# Tunix already has ppo, grpo, gspo, dapo and dr_grpo, and the advantages of rloo. gdpo and remax need more
# than one reward per answer.
TARGETS = ("lpo", "dmpo", "gvpo", "rebel", "opmd", "awr", "mpo", "v_mpo", "pmpo", "mdpo")
GRADIENTS = (
    *("asymre", "cispo", "dppo", "dro", "gmpo", "gpg", "maxrl", "opo", "reinforce_pp", "sapo", "topr"),
)
LOSSES = {
    **{f"{PREFIX}tpo_{anchor}": functools.partial(tpo, anchor=anchor) for anchor in get_args(Anchor)},
    **{f"{PREFIX}{name}": getattr(tpo_objectives, name) for name in (*TARGETS, *GRADIENTS)},
}
ESTIMATORS = {
    SCORES: lambda scores: scores,
    **{
        f"{PREFIX}{name}": getattr(advantages, name)
        for name in ("lowered", "relative", "standardized", "targeted", "whitened")
    },
}

for _name, _objective in LOSSES.items():
    function_registry.register_policy_loss_fn(_name)(policy_loss(_objective))
for _name, _advantage in ESTIMATORS.items():
    function_registry.register_advantage_estimator(_name)(advantage_estimator(_advantage))
