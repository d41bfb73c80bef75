"""The steps from log-probs and scores to TPO's target, for PyTorch: anchor, standardization, temperature."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ._standardize import MIN_STD
from ._temperature import COLDEST, HALVINGS, HOTTEST
from ._torch_inputs import Options, TensorGroups


def group_logits(logp: Float[Tensor, "*b k"], read: TensorGroups, options: Options) -> Float[Tensor, "*b k"]:
    """The logits of the policy over the group, as `_anchor.group_logits`."""
    anchor, old_logp = options.anchor, read.old_logp
    if anchor == "ratio":
        return _difference(logp, old_logp)
    if anchor == "mean" and read.lengths is not None:
        return logp / read.lengths.clamp(min=1)
    if anchor in ("capped", "tempered"):
        scale = _spread_scale(old_logp, read.where, options.cap)
        if anchor == "capped":
            return logp / scale
        # Compute the ratio first: it keeps digits that differences of long log-probs would lose.
        moved = _difference(logp, old_logp) + old_logp / scale
        return torch.where(old_logp.isneginf(), logp, moved)
    return logp


def target_of(read: TensorGroups, options: Options) -> Float[Tensor, "*b k"]:
    """The target of groups from `read_groups`, a constant."""
    with torch.no_grad():
        tilt = _standardized(read.scores, read.where, options)
        start = torch.zeros_like(tilt)
        if options.anchor in ("sum", "mean", "capped", "tempered"):
            start = group_logits(read.old_logp, read, options)
        # Normalize first: a float32 score would lose its digits when added to a log-prob of -10,000.
        start = log_softmax(start, read.where)
        temperature = options.eta
        if options.target_kl is not None:
            temperature = _temperature_of_kl(start, tilt, options.target_kl, read.where)
        return softmax(start + tilt / temperature, read.where)


def log_softmax(logits: Float[Tensor, "*b k"], where: Bool[Tensor, "*b k"]) -> Float[Tensor, "*b k"]:
    """The log-softmax over the entries that exist; minus infinity elsewhere, and 0 if nothing exists."""
    # In an empty group, use all entries: a softmax over nothing would be NaN.
    nothing = ~where.any(-1, keepdim=True)
    return torch.log_softmax(torch.where(where | nothing, logits, -math.inf), dim=-1)


def softmax(logits: Float[Tensor, "*b k"], where: Bool[Tensor, "*b k"]) -> Float[Tensor, "*b k"]:
    """The softmax over the entries that exist; 0 elsewhere."""
    return torch.where(where, log_softmax(logits, where).exp(), 0.0)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    total = torch.where(where, values, 0.0).sum(-1, keepdim=True)
    return total / where.sum(-1, keepdim=True).clamp(min=1)


def _difference(logp: Tensor, old_logp: Tensor) -> Tensor:
    return torch.where(logp.isneginf() & old_logp.isneginf(), 0.0, logp - old_logp)


def _spread_scale(old_logp: Tensor, where: Tensor, cap: float) -> Tensor:
    possible = where & old_logp.isfinite()
    known = torch.where(possible, old_logp, 0.0)
    # Subtract the mean twice: the sums of long answers are far from 0.
    centered = torch.where(possible, known - _mean(known, possible), 0.0)
    return (_mean(centered.square(), possible).sqrt() / cap).clamp(min=1.0)


def _standardized(scores: Tensor, where: Tensor, options: Options) -> Tensor:
    centered, std = _centered(scores, where)
    informative = ~(std <= MIN_STD)
    unit, shrinkage = std, options.std_shrinkage
    if shrinkage is not None:
        exists = where.any(-1, keepdim=True)
        shared = torch.where(exists, std.square(), 0.0).sum() / exists.sum().clamp(min=1)
        unit = ((1 - shrinkage) * std.square() + shrinkage * shared).sqrt()
    if options.std_floor is not None:
        unit = unit.clamp(min=options.std_floor)
    return torch.where(informative, centered / torch.where(informative, unit, 1.0), 0.0)


def _centered(scores: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    best = torch.where(where, scores, -math.inf).amax(-1, keepdim=True)
    worst = torch.where(where, scores, math.inf).amin(-1, keepdim=True)
    # Offsets from the best score are exactly 0 in a constant group at any level.
    level = torch.where((best - worst).isfinite(), best, 0.5 * best + 0.5 * worst)
    offsets = torch.where(where, scores - level, 0.0)
    # Dividing by this keeps squares, and sums of many squares, within the range of the dtype.
    large = 2.0 ** (math.frexp(torch.finfo(scores.dtype).max)[1] // 2 + 6)
    (centered, std), (scaled, scaled_std) = (_moments(offsets / by, where) for by in (1.0, large))
    ordinary = std.isfinite()
    return torch.where(ordinary, centered, scaled), torch.where(ordinary, std, scaled_std)


def _moments(offsets: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    centered = torch.where(where, offsets - _mean(offsets, where), 0.0)
    return centered, _mean(centered.square(), where).sqrt()


def _temperature_of_kl(log_start: Tensor, tilt: Tensor, kl: float, where: Tensor) -> Tensor:
    """The temperature of `_temperature.temperature_of_kl`, by the same bisection."""
    low, high = (torch.full_like(tilt[..., :1], math.log(bound)) for bound in (COLDEST, HOTTEST))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        log_target = log_softmax(log_start + tilt / middle.exp(), where)
        target = log_target.exp()
        # Where the target is 0, both logarithms may be infinite, but the term is 0.
        terms = torch.where(target > 0, target * (log_target - log_start), 0.0)
        too_cold = terms.sum(-1, keepdim=True) > kl
        low, high = torch.where(too_cold, middle, low), torch.where(too_cold, high, middle)
    return (0.5 * (low + high)).exp()
