"""Advantages: the weights that a policy gradient gives to the answers of a group.

Each function maps scores `[*b, k]` to advantages `[*b, k]`, with the candidates of a group on the last axis.
All are constants for `jax.grad`. `where` marks the candidates that exist; the others are left out of all
means and get the advantage 0.
"""

from ._baselines import against, centered, leave_one_out, length_weighted, lowered
from ._scaled_advantages import each_standardized, relative, targeted, whitened
from ._standardize import standardize as standardized

__all__ = [
    "against",
    "centered",
    "each_standardized",
    "leave_one_out",
    "length_weighted",
    "lowered",
    "relative",
    "standardized",
    "targeted",
    "whitened",
]
