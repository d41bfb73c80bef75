"""Turns objectives over groups into Tunix policy losses."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

try:
    from flax import nnx
    from tunix.rl import common
except ImportError as error:
    raise ImportError(
        f"tpo_objectives.tunix needs Tunix 0.1.7 or later: pip install 'tpo-objectives[tunix]' ({error})"
    ) from None

# The name of the advantage estimator that passes the scores on unchanged.
SCORES = "tpo_objectives/scores"
# Tunix's learners read these by name, but the losses here do not compute them.
NOT_MEASURED = (
    *("pg_clipfrac", "pg_clipfrac_lower", "pg_loss/unclipped_mean", "pg_loss/clipped_mean"),
    *("advantage/abs_mean", "advantage/max", "advantage/min", "advantage/nonzero_frac"),
    *("sampler_is/weight_mean", "sampler_is/weight_min"),
)


def policy_loss(objective: Callable[..., Float[Array, "..."]]) -> Callable[..., tuple[Any, dict[str, Any]]]:
    r"""Make a Tunix policy loss from an objective over groups.

    $$L = \mathrm{mean}(\mathrm{objective}(\ell, \ell^{\mathrm{old}}, s)) + \beta\, \mathrm{KL}$$

    Tunix repeats each prompt `num_generations` times in a row and splits batches between prompts, so each
    call holds whole groups. The mean is over all groups, or all answers if the objective returns one loss per
    answer. If Tunix accumulates gradients over micro-batches of equal size, the result is the gradient of the
    whole batch.

    Args:
        objective: `(logp, old_logp, scores, *, where)`, which maps token log-probs `[b, k, t]` and scores
            `[b, k]` to losses, for example `functools.partial(tpo, anchor="ratio", eta=0.5)`.

    Returns:
        A function for `tunix.rl.function_registry.register_policy_loss_fn`. It adds Tunix's penalty toward a
        reference model if the config sets `beta`.

    Raises:
        ValueError: when called, if it does not get the scores, a batch has no groups, sequences are packed,
            log-probs have two temperatures, or Tunix passes token weights.

    Example:
        >>> import functools
        >>> from tpo_objectives import tpo
        >>> from tpo_objectives.tunix import policy_loss
        >>> from tunix.rl import function_registry
        >>> loss = policy_loss(functools.partial(tpo, anchor="ratio", eta=0.5))
        >>> function_registry.register_policy_loss_fn("colder_tpo")(loss) is loss
        True
    """

    def loss_of(
        model: Any, train_example: Any, algo_config: Any, pad_id: int, eos_id: int, **_: Any
    ) -> tuple[Array, dict[str, Any]]:
        _refuse(train_example, algo_config)
        logps, logits = _log_probs(model, train_example, algo_config, pad_id, eos_id)
        old = train_example.old_per_token_logps
        # None if the model is still the one that sampled.
        old = jax.lax.stop_gradient(logps) if old is None else old.astype(jnp.float32)
        mask = train_example.completion_mask > 0
        rows = (logps, old, train_example.advantages.astype(jnp.float32), mask)
        *arrays, where = (x.reshape(-1, algo_config.num_generations, *x.shape[1:]) for x in rows)
        loss = jnp.mean(objective(*arrays, where=where))
        metrics = _metrics(loss, logps - old, logits, train_example)
        return _add_penalty(loss, logps, metrics, train_example, algo_config)

    return loss_of


def _log_probs(model: Any, example: Any, config: Any, pad_id: int, eos_id: int) -> tuple[Array, Array]:
    graph, state = nnx.split(model)
    logps, logits = common.compute_per_token_logps(
        graph,
        state,
        prompt_tokens=example.prompt_ids,
        completion_tokens=example.completion_ids,
        pad_id=pad_id,
        eos_id=eos_id,
        stop_gradient=False,
        return_logits=True,
        temperature=config.temperature,
    )
    return logps.astype(jnp.float32), logits


def _metrics(loss: Array, log_ratios: Array, logits: Array, example: Any) -> dict[str, Any]:
    """The metrics that Tunix's learners log, under Tunix's names."""
    mask = example.completion_mask > 0
    tokens = jnp.maximum(jnp.sum(mask), 1)
    log_softmax = jax.nn.log_softmax(logits.astype(jnp.float32))
    entropies = -jnp.sum(jnp.exp(log_softmax) * log_softmax, axis=-1)
    ratios = jnp.exp(log_ratios)

    def mean(values: Array) -> Array:
        return jnp.sum(jnp.where(mask, values, 0.0)) / tokens

    return {
        **dict.fromkeys(NOT_MEASURED, jnp.nan),
        "pg_loss": loss,
        "entropy": mean(entropies),
        "ppo_kl": mean(-log_ratios),
        "log_ratio/abs_mean": mean(jnp.abs(log_ratios)),
        "is_ratio/mean": mean(ratios),
        "is_ratio/max": jnp.max(jnp.where(mask, ratios, 0.0)),
        "is_ratio/min": jnp.min(jnp.where(mask, ratios, jnp.inf)),
        "kl": 0.0,
        "kl_loss": 0.0,
    }


def _add_penalty(
    loss: Array, logps: Array, metrics: dict[str, Any], example: Any, config: Any
) -> tuple[Array, dict[str, Any]]:
    """Tunix's own penalty toward the reference model."""
    if example.ref_per_token_logps is None:
        return loss, metrics
    limit, mask = config.kl_clamp_value, example.completion_mask
    ref = example.ref_per_token_logps
    kl = common.compute_kl_divergence(logps, ref, config.kl_loss_mode, clamp_value=limit)
    kl_loss = common.aggregate_loss(kl, mask, config.loss_agg_mode)
    kl_mean = common.aggregate_loss(kl, mask, "token-mean")
    return loss + (config.beta or 0.0) * kl_loss, {**metrics, "kl": kl_mean, "kl_loss": kl_loss}


def _refuse(example: Any, config: Any) -> None:
    """Reject settings of Tunix that would change the loss of the objective."""
    if config.advantage_estimator != SCORES:
        raise ValueError(
            f"tpo_objectives.tunix: the loss needs the scores as they are, and advantage_estimator is "
            f'{config.advantage_estimator!r}. Set advantage_estimator="{SCORES}".'
        )
    group = getattr(config, "num_generations", 1)
    rows = example.completion_ids.shape[0]
    if group < 2 or rows % group:
        raise ValueError(
            f"tpo_objectives.tunix: a batch of {rows} answers does not consist of groups of num_generations="
            f"{group}. Use GRPOConfig and GRPOLearner, which keep the answers to a prompt together."
        )
    if example.segment_ids is not None:
        raise ValueError(
            "tpo_objectives.tunix: packed sequences have lost their groups. Leave max_seq_token_per_tpu "
            "out of RLTrainingConfig."
        )
    if example.sampler_is_weights is not None:
        raise ValueError("tpo_objectives.tunix: the loss takes no weights of tokens. Set sampler_is=None.")
    if example.old_per_token_logps is not None and config.temperature not in (0.0, 1.0):
        raise ValueError(
            f"tpo_objectives.tunix: Tunix computes old log-probs at temperature 1, and those of the loss at "
            f"temperature {config.temperature}. Set temperature=1.0 in RolloutConfig, or num_iterations=1."
        )
