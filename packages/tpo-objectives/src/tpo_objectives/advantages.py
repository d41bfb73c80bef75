"""Advantages: what a policy gradient weighs the answers of a group by.

Each function maps scores `[*b, k]` to advantages `[*b, k]`, with the candidates of a group on the last axis.
All are constants for `jax.grad`. `where` says which candidates exist; the others count in no mean and get the
advantage 0.
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
