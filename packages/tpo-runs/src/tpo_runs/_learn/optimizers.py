"""Optimizers, as gradient transformations of Optax."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree
from optax.contrib import MuonDimensionNumbers

# The coefficients of the quintic polynomial, as in Optax.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
# The square of this, and a sum of many such squares, stays within the range of float32.
LARGE = 2.0**50


def muon_roles(params: PyTree) -> PyTree:
    """Which parameters Muon orthogonalizes, and along which axes; None for those that Adam updates.

    Muon updates every matrix `(in, out)`: embedding tables, the kernels of MLPs and of the head, and the
    query, key and value biases `(heads, head_dim)`, as in the runs of arXiv 2604.06159. Adam updates vectors,
    and the attention kernels, which have three axes.
    """
    return _roles(params, rank=2)


def _roles(params: PyTree, rank: int) -> PyTree:
    matrix = MuonDimensionNumbers(reduction_axis=-2, output_axis=-1)
    return jax.tree.map(lambda leaf: matrix if leaf.ndim == rank else None, params)


def stack_equal_shapes(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """An optimizer of all parameters of one shape as a single array `[parameters, *shape]`.

    The updates are the same if the optimizer treats the leading axis as a batch. A transformer has many small
    parameters of few shapes, so this takes far fewer operations. It copies every parameter in each update.
    """

    def stacked(tree: PyTree) -> dict[str, Array]:
        groups: dict[str, list[Array]] = {}
        for leaf in jax.tree.leaves(tree):
            groups.setdefault(f"{leaf.dtype}{list(leaf.shape)}", []).append(leaf)
        return {name: jnp.stack(leaves) for name, leaves in groups.items()}

    def unstacked(arrays: Mapping[str, Array], like: PyTree) -> PyTree:
        rows = {name: iter(array) for name, array in arrays.items()}
        return jax.tree.map(lambda leaf: next(rows[f"{leaf.dtype}{list(leaf.shape)}"]), like)

    def init(params: optax.Params) -> optax.OptState:
        return optimizer.init(stacked(params))

    def update(
        updates: optax.Updates, state: optax.OptState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.OptState]:
        new, state = optimizer.update(stacked(updates), state, None if params is None else stacked(params))
        return unstacked(new, updates), state  # pyright: ignore[reportArgumentType]

    return optax.GradientTransformation(init, update)


def muon(
    *, learning_rate: float, beta: float, newton_schulz_steps: int, adam_b1: float, adam_b2: float, eps: float
) -> optax.GradientTransformation:
    """Muon on the matrices of `muon_roles` and Adam with Nesterov momentum on the rest, without weight decay.

    Muon's updates are scaled by `sqrt(max(1, fan_out / fan_in))`. `eps` is used by both parts.
    """
    return stack_equal_shapes(
        optax.contrib.muon(
            learning_rate,
            # With one row of coefficients per step, Optax compiles a loop; otherwise it unrolls the steps.
            ns_coeffs=(NEWTON_SCHULZ,) * newton_schulz_steps,
            beta=beta,
            eps=eps,
            adam_b1=adam_b1,
            adam_b2=adam_b2,
            muon_weight_dimension_numbers=functools.partial(_roles, rank=3),
        )
    )


def adam(*, learning_rate: float, b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    """Adam on every parameter."""
    return optax.adam(learning_rate, b1=b1, b2=b2, eps=eps)


def adamw(
    *, learning_rate: float, b1: float, b2: float, eps: float, weight_decay: float
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay on every parameter."""
    return optax.adamw(learning_rate, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay)


def sgd(*, learning_rate: float, momentum: float, nesterov: bool = False) -> optax.GradientTransformation:
    """Gradient descent on every parameter: `m = momentum m + g`, with steps `-learning_rate m`.

    With `nesterov`, the steps are `-learning_rate (g + momentum m)`.
    """
    return optax.sgd(learning_rate, momentum=momentum, nesterov=nesterov)


def unit_norm(*, learning_rate: float) -> optax.GradientTransformation:
    """Steps of length `learning_rate` against the gradient: `-learning_rate g / sqrt(sum g^2 + 1e-30)`.

    The norm is over all parameters. A gradient of zero gives no step.
    Source: arXiv 2604.06159, figures 2 and 3.
    """

    def init(params: optax.Params) -> optax.OptState:
        del params
        return optax.EmptyState()

    def update(
        updates: optax.Updates, state: optax.OptState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.OptState]:
        del params
        updates = _without_overflow(updates)
        square = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(updates))
        scale = -learning_rate * jax.lax.rsqrt(square + 1e-30)
        return jax.tree.map(lambda leaf: scale * leaf, updates), state

    return optax.GradientTransformation(init, update)


def _without_overflow(gradient: optax.Updates) -> optax.Updates:
    """The gradient, scaled down if the sum of its squares might overflow and give a zero step."""
    sizes = [jnp.max(jnp.abs(leaf)).astype(jnp.float32) for leaf in jax.tree.leaves(gradient)]
    largest = functools.reduce(jnp.maximum, sizes)
    # Exactly 1 for an ordinary gradient. The barrier keeps XLA from changing the bits of what follows.
    scale = LARGE / jnp.maximum(largest, LARGE)
    return jax.lax.optimization_barrier(jax.tree.map(lambda leaf: scale * leaf, gradient))
