"""Makes JAX know the token tasks, as pytrees without leaves: they pass through `jax.jit` and `jax.vmap`."""

import jax

from ._brackets import BracketTask
from ._multi_turn import MultiTurnTask
from ._noisy_verifier import NoisyVerifier
from ._tokens import TokenTask

TOKEN_TASKS = (TokenTask, BracketTask, NoisyVerifier, MultiTurnTask)

for _task in TOKEN_TASKS:
    jax.tree_util.register_static(_task)
