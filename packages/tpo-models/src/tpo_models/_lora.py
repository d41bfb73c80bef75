"""Low-rank adapters of a language model."""

from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, PyTree

from ._language_model import LanguageModel
from ._linear import Linear, LowRank, normal_kernel

TARGETS: tuple[str, ...] = ("query", "key", "value", "out", "gate", "up", "down")


def with_lora(
    model: LanguageModel,
    *,
    rank: int = 8,
    alpha: float | int = 16.0,
    targets: Iterable[str] = TARGETS,
    key: PRNGKeyArray,
) -> LanguageModel:
    """The model with a low-rank product added to some of its matrices: `W + alpha / rank * up @ down`.

    `up` starts at zero, so that the model computes the same as before; `down` is normal with variance
    `1 / fan_in`. Train only the adapters with `Trainer(trainable=trainable_lora(model))`.

    **Arguments:**

    - `model`: a model without adapters.
    - `rank`: inner size of the products, at least 1.
    - `alpha`: scale of the products, times the rank.
    - `targets`: matrices of every layer: `"query"`, `"key"`, `"value"`, `"out"` of the attention, `"gate"`,
        `"up"`, `"down"` of the MLP. All by default.
    - `key`: the key of the initial values.

    **Returns:** the model with float32 adapters.

    **Raises:** `ValueError` if the rank is below 1, a target is unknown, there are no targets, or the model
    already has adapters.

    >>> import jax
    >>> from tpo_models import LanguageModelConfig
    >>> sizes = {"vocab_size": 50, "width": 8, "layers": 2, "heads": 4, "kv_heads": 2, "head_dim": 2}
    >>> model = LanguageModel(LanguageModelConfig(**sizes, mlp_width=16), key=jax.random.key(0))
    >>> adapted = with_lora(model, rank=2, targets=("query", "value"), key=jax.random.key(1))
    >>> adapted.layers.value.low_rank.up.shape
    (2, 4, 2)

    Source: arXiv 2106.09685.
    """
    targets = tuple(targets)
    if rank < 1:
        raise ValueError(f"rank is {rank}, but it must be at least 1")
    if not targets or not set(targets) <= set(TARGETS):
        raise ValueError(f"targets are {targets}; expected some of {TARGETS}")
    if _adapted(model):
        raise ValueError("the model has adapters; merge them first: with_lora(merged(model), ...)")

    def adapter(key: PRNGKeyArray, linear: Linear) -> LowRank:
        layers, fan_out, fan_in = linear.kernel.shape
        up = jnp.zeros((layers, fan_out, rank), jnp.float32)
        return LowRank(normal_kernel(key, layers, rank, fan_in), up, alpha / rank)

    keys: dict[str, PRNGKeyArray] = dict(zip(TARGETS, jax.random.split(key, len(TARGETS)), strict=True))
    adapters = [adapter(keys[name], getattr(model.layers, name)) for name in targets]
    return eqx.tree_at(_low_ranks(targets), model, adapters, is_leaf=lambda leaf: leaf is None)


def trainable_lora(model: LanguageModel) -> PyTree[bool]:
    """True for the adapters of a model and False for its other arrays, for example for `eqx.partition`.

    **Raises:** `ValueError` if the model has no adapters.
    """
    names = _adapted(model)
    if not names:
        raise ValueError("the model has no adapters; add them with with_lora(model, ...)")
    frozen = jax.tree.map(lambda _: False, model)
    return eqx.tree_at(
        _low_ranks(names),
        frozen,
        replace_fn=lambda of: jax.tree.map(lambda _: True, of),
        is_leaf=_is_low_rank,
    )


def merged(model: LanguageModel) -> LanguageModel:
    """The model with its adapters merged into its matrices; the same model if it has none.

    The sum is rounded to the dtype of the stored matrices.
    """
    for name in _adapted(model):
        linear: Linear = getattr(model.layers, name)
        low = linear.low_rank
        assert low is not None
        product = jnp.asarray(low.scale, low.up.dtype) * jnp.einsum("lor,lri->loi", low.up, low.down)
        kernel = (linear.kernel.astype(product.dtype) + product).astype(linear.kernel.dtype)
        model = eqx.tree_at(_of(name), model, Linear(kernel, linear.bias))
    return model


def _adapted(model):
    return tuple(name for name in TARGETS if getattr(model.layers, name).low_rank is not None)


def _low_ranks(names):
    return lambda model: [getattr(model.layers, name).low_rank for name in names]


def _of(name):
    return lambda model: getattr(model.layers, name)


def _is_low_rank(leaf: Any) -> bool:
    return isinstance(leaf, LowRank)
