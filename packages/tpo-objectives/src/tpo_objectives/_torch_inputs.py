"""Checks and conversions of the inputs of TPO for PyTorch; the counterpart of `_inputs`."""

import math
import numbers
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ._anchor import Anchor, read_anchor


class TensorGroups(NamedTuple):
    """A batch of groups, with one log-prob for each answer, and the dtype of the result."""

    logp: Float[Tensor, "*b k"]
    old_logp: Float[Tensor, "*b k"]
    scores: Float[Tensor, "*b k"]
    lengths: Float[Tensor, "*b k"] | None
    where: Bool[Tensor, "*b k"]
    dtype: torch.dtype


class Options(NamedTuple):
    """The options of TPO, as plain numbers."""

    eta: float
    target_kl: float | None
    anchor: Anchor
    cap: float
    std_floor: float | None
    std_shrinkage: float | None


def read_groups(
    caller: str, logp: Any, old_logp: Any, scores: Any, where: Any, *, lengths: bool
) -> TensorGroups:
    """Check log-probs of answers `[*b, k]`, or sum those of their tokens `[*b, k, t]`.

    Raises:
        TypeError: an argument is not a tensor of floats, or `where` is not a tensor of bools.
        ValueError: the shapes do not fit, there is no candidate, or there are no tokens to count.
    """
    tensors = {"logp": logp, "old_logp": old_logp, "scores": scores}
    for name, tensor in tensors.items():
        _check_floating(caller, name, tensor)
    _check_shapes(caller, tensors)
    tokens = logp.ndim > scores.ndim
    if lengths and not tokens:
        raise ValueError(
            f'{caller}: anchor="mean" needs the lengths of the answers, and logp has the shape '
            f"{tuple(logp.shape)} of the scores. Pass log-probs of tokens, in shape "
            "(prompts, candidates, tokens)."
        )
    where = _read_where(caller, where, logp)
    dtype = torch.promote_types(torch.promote_types(logp.dtype, old_logp.dtype), scores.dtype)
    wide = torch.promote_types(dtype, torch.float32)
    # Entries that do not exist become 0, so that a NaN there reaches neither the losses nor the gradients.
    now, old = (torch.where(where, x.to(wide), 0.0) for x in (logp, old_logp.detach()))
    counts = None
    if tokens:
        counts = where.sum(-1).to(wide)
        now, old, where = now.sum(-1), old.sum(-1), where.any(-1)
    return TensorGroups(now, old, torch.where(where, scores.detach().to(wide), 0.0), counts, where, dtype)


def rounded(result: Float[Tensor, "*b"], dtype: torch.dtype) -> Float[Tensor, "*b"]:
    """Cast a result to the dtype of the input. Values that are too large become its largest number."""
    if result.dtype == dtype:
        return result
    largest = torch.finfo(dtype).max
    fitting = torch.where(result.isinf(), result, result.clamp(-largest, largest)).detach()
    # Add a constant so that the gradient is that of the result.
    return (result + torch.where(result.isinf(), 0.0, fitting - result).detach()).to(dtype)


def read_options(
    caller: str, eta: Any, target_kl: Any, anchor: Any, cap: Any, std_floor: Any, std_shrinkage: Any
) -> Options:
    """Check the options of TPO.

    Raises:
        TypeError: an option is not a number, or the anchor is not a name.
        ValueError: an option is out of range, or there is no such anchor.
    """
    optional = {"target_kl": target_kl, "std_floor": std_floor}
    read = {
        name: value if value is None else _read_positive(caller, name, value)
        for name, value in optional.items()
    }
    if std_shrinkage is not None:
        std_shrinkage = _read_number(caller, "std_shrinkage", std_shrinkage)
        if not 0 <= std_shrinkage <= 1:
            raise ValueError(f"{caller}: std_shrinkage must be from 0 to 1, got {std_shrinkage}.")
    name = read_anchor(caller, anchor)
    eta, cap = _read_positive(caller, "eta", eta), _read_positive(caller, "cap", cap)
    return Options(eta, read["target_kl"], name, cap, read["std_floor"], std_shrinkage)


def _read_positive(caller: str, name: str, value: Any) -> float:
    number = _read_number(caller, name, value)
    if not (number > 0 and math.isfinite(number)):
        raise ValueError(f"{caller}: {name} must be finite and above 0, got {value}. Try 1.0.")
    return number


def _read_number(caller: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{caller}: {name} must be one number, got {value!r}. Pass a float, as in 1.0.")
    return float(value)


def _check_floating(caller: str, name: str, tensor: Any) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"{caller}: {name} must be a torch.Tensor of floats, got {type(tensor).__name__}. "
            f"Convert it, as in torch.as_tensor({name}); for JAX, call tpo_objectives.{caller}."
        )
    if not tensor.is_floating_point():
        raise TypeError(
            f"{caller}: {name} must be floating point, got {tensor.dtype}. Cast it, as in {name}.float()."
        )


def _check_shapes(caller: str, tensors: dict[str, Tensor]) -> None:
    shape, group = tensors["logp"].shape, tensors["scores"].shape
    if tensors["old_logp"].shape != shape or group not in (shape, shape[:-1]):
        shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
        raise ValueError(
            f"{caller}: logp and old_logp must have one shape, (prompts, candidates) or (prompts, "
            f"candidates, tokens), and scores (prompts, candidates), got {shapes}. Pass one score per answer."
        )
    if not group or group[-1] == 0:
        raise ValueError(
            f"{caller}: the last axis of scores must hold the candidates of a group, got shape "
            f"{tuple(group)}. Pass at least one candidate, as in shape (prompts, candidates)."
        )


def _read_where(caller: str, where: Any, logp: Tensor) -> Tensor:
    if where is None:
        return torch.ones(logp.shape, dtype=torch.bool, device=logp.device)
    if not isinstance(where, Tensor) or where.dtype != torch.bool:
        got = where.dtype if isinstance(where, Tensor) else type(where).__name__
        raise TypeError(f"{caller}: where must be a tensor of bools, got {got}. Convert it, as in where > 0.")
    if where.shape != logp.shape:
        raise ValueError(
            f"{caller}: where must have the shape of logp, {tuple(logp.shape)}, got {tuple(where.shape)}. "
            "Use expand if one mask serves several rows."
        )
    return where
