"""The smallest config there is, for measuring what surrounds training."""

CONFIG = """
title = "A bandit"
[task]
kind = "symmetric_bandit"
actions = 4
[policy]
kind = "logit_table"
[optimizer]
kind = "unit_norm"
learning_rate = 0.01
[schedule]
steps = {steps}
seeds = {seeds}
block = 1
[[method]]
name = "PG"
objective = {{ kind = "reinforce" }}
rollout = {{ kind = "sampled_actions", contexts = "all", samples = 4, baseline = 0.5 }}
"""


def bandit_config(steps: int, seeds: int) -> str:
    """Its text: one method, one seed in a block."""
    return CONFIG.format(steps=steps, seeds=seeds)
