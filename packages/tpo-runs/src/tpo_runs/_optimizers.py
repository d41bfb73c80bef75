"""Optimizers, as Optax gradient transformations."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree
from optax.contrib import MuonDimensionNumbers


def muon_roles(params: PyTree) -> PyTree:
    """Which parameters Muon orthogonalises, and along which axes; None leaves a parameter to Adam.

    Policies store a parameter as a matrix `(in, out)` exactly if the paper's runs gave it to Muon: token and
    position tables, MLP and head kernels, and the query, key and value biases `(heads, head_dim)`. Attention
    kernels have three axes and go to Adam with all vectors.
    """
    matrix = MuonDimensionNumbers(reduction_axis=0, output_axis=1)
    return jax.tree.map(lambda leaf: matrix if leaf.ndim == 2 else None, params)


def muon(
    *, learning_rate: float, beta: float, newton_schulz_steps: int, adam_b1: float, adam_b2: float, eps: float
) -> optax.GradientTransformation:
    """Muon on the matrices of `muon_roles`, Adam with Nesterov momentum on the rest; no weight decay.

    Muon's updates are scaled by `sqrt(max(1, fan_out / fan_in))`. `eps` serves both parts.
    """
    return optax.contrib.muon(
        learning_rate,
        ns_steps=newton_schulz_steps,
        beta=beta,
        eps=eps,
        adam_b1=adam_b1,
        adam_b2=adam_b2,
        muon_weight_dimension_numbers=muon_roles,
    )


def adam(*, learning_rate: float, b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    """Adam on every parameter."""
    return optax.adam(learning_rate, b1=b1, b2=b2, eps=eps)


def unit_norm(*, learning_rate: float) -> optax.GradientTransformation:
    """Steps of length `learning_rate` against the gradient: `-learning_rate g / sqrt(sum g^2 + 1e-30)`.

    The norm is over all parameters together. A gradient of zero gives no step.
    Source: arXiv 2604.06159, figures 2 and 3.
    """

    def init(params: optax.Params) -> optax.OptState:
        del params
        return optax.EmptyState()

    def update(
        updates: optax.Updates, state: optax.OptState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.OptState]:
        del params
        square = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(updates))
        scale = -learning_rate * jax.lax.rsqrt(square + 1e-30)
        return jax.tree.map(lambda leaf: scale * leaf, updates), state

    return optax.GradientTransformation(init, update)
