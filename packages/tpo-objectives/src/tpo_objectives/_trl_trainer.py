"""A GRPOTrainer with the loss of Target Policy Optimization."""

import textwrap
from typing import Any

import torch
from torch import Tensor
from trl import GRPOTrainer
from trl.trainer.utils import split_pixel_values_by_grid, split_tensor_dict, unsplit_pixel_values_by_grid

from ._trl_config import TargetPolicyConfig
from .torch import tpo, tpo_target

# Inputs of the model that a batch may hold in addition to tokens.
MODEL_INPUTS = (
    *("pixel_values", "image_grid_thw", "num_images", "pixel_attention_mask", "spatial_shapes", "num_tiles"),
    *("image_sizes", "token_type_ids", "mm_token_type_ids", "image_position_ids"),
)


class TargetPolicyTrainer(GRPOTrainer):
    r"""TRL's `GRPOTrainer` with the loss of Target Policy Optimization (TPO).

    $$L = \frac{1}{G} \sum_g \Big(-\sum_i q_{gi} \log p_{gi}\Big), \qquad
    \frac{\partial L}{\partial z_{gi}} = \frac{p_{gi} - q_{gi}}{G}$$

    over the `G` prompts of an optimizer step, with `p`, `q` and `z` of `tpo_objectives.tpo` for the
    `num_generations` completions of each prompt. The rewards of a group are standardized, `log p` refers to
    whole completions, and nothing is divided by their lengths, except with `anchor="mean"`. Micro-batches,
    processes and the number of completions per step do not change the gradient, because each forward pass
    holds whole groups.

    If every reward function returns None for a completion, or `mask_truncated_completions` drops it, the
    completion is left out of its group. TRL's correction for vLLM is logged but not applied: TPO uses the
    log-probs of the trained model at sampling time.

    Args:
        model: as for `GRPOTrainer`.
        reward_funcs: as for `GRPOTrainer`.
        args: a `TargetPolicyConfig`.
        *arguments: the other arguments of `GRPOTrainer`, in its order.
        **options: the same by name.

    Raises:
        TypeError: `args` is not a `TargetPolicyConfig`.

    Example:
        `docs/guides/trl.md` in the repository has a complete one, which trains a small model on a CPU.

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2. The anchor "ratio", which is the default
        here, is not in the paper. TRL's `TPOTrainer` is Triple Preference Optimization, an unrelated method.
    """

    _tag_names = ["trl", "target-policy-optimization"]  # noqa: RUF012
    _name = "Target Policy Optimization"
    _paper = {  # noqa: RUF012
        "title": "Target Policy Optimization",
        "id": "2604.06159",
        "citation": textwrap.dedent("""\
            @misc{target_policy_optimization,
                title  = {{Target Policy Optimization}},
                year   = 2026,
                eprint = {arXiv:2604.06159},
            }"""),
    }

    def __init__(
        self, model: Any, reward_funcs: Any = None, args: Any = None, *arguments: Any, **options: Any
    ):
        if not isinstance(args, TargetPolicyConfig):
            raise TypeError(
                f"TargetPolicyTrainer: args must be a TargetPolicyConfig, got {type(args).__name__}. Make "
                "one, which takes the settings of GRPOConfig, and eta and anchor."
            )
        self._rewards_per_func: Tensor | None = None
        super().__init__(model, reward_funcs, args, *arguments, **options)

    def _group_size(self) -> int:
        return self.num_generations if self.model.training else self.num_generations_eval

    def _calculate_rewards(self, *arguments: Any) -> Tensor:
        # Rewards of all processes. TRL turns them into advantages, which no longer show which completions
        # exist.
        self._rewards_per_func = super()._calculate_rewards(*arguments)
        return self._rewards_per_func

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Sample like `GRPOTrainer`, and add the scores `[rows]` and whether a row has a score."""
        output = super()._generate_and_score_completions(inputs)
        rewards, self._rewards_per_func = self._rewards_per_func, None
        assert rewards is not None
        start = self.accelerator.process_index * len(inputs)
        own = rewards[start : start + len(inputs)]
        output["scores"] = (own * self.reward_weights.to(own.device)).nansum(dim=1)
        output["scored"] = ~own.isnan().all(dim=1)
        return output

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        """As in `GRPOTrainer`, but without shuffling completions, which would split groups.

        The sampler has shuffled the prompts already.
        """
        if not self.model.training:
            return super()._prepare_inputs(generation_batch)
        steps = self.args.steps_per_generation
        if self._step % (steps * self.num_iterations) == 0 or self._buffered_inputs is None:
            batch = self._generate_and_score_completions(generation_batch)
            parts = split_tensor_dict(split_pixel_values_by_grid(batch), steps)
            self._buffered_inputs = [unsplit_pixel_values_by_grid(part) for part in parts]
        return self._buffered_inputs[self._step % steps]

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        attention = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        logps, entropies, aux_loss = self._get_per_token_logps_and_entropies(
            model,
            ids,
            attention,
            inputs["completion_ids"].size(1),
            compute_entropy=True,
            compute_aux_loss=self.aux_loss_enabled,
            **{name: inputs.get(name) for name in MODEL_INPUTS},
        )
        mask = inputs["completion_mask"].bool()
        if "tool_mask" in inputs:
            mask = mask & inputs["tool_mask"].bool()
        groups = (-1, self._group_size(), logps.size(1))
        where = (mask & inputs["scored"][:, None]).reshape(groups)
        # None if the model is still the one that sampled.
        old_logps = inputs.get("old_per_token_logps")
        old_logps = (logps.detach() if old_logps is None else old_logps).reshape(groups)
        scores = inputs["scores"].reshape(groups[:2])
        losses = tpo(logps.reshape(groups), old_logps, scores, where=where, **self._tpo_options())
        self._log_group_metrics(old_logps, scores, where, entropies, mask)
        # Divide by the number of all groups, which is the same for each micro-batch: an empty group counts as
        # 0.
        loss = losses.mean()
        if self.aux_loss_enabled:
            loss = loss + self.router_aux_loss_coef * aux_loss
        return loss / (self.current_gradient_accumulation_steps if self.model.training else 1)

    def _tpo_options(self) -> dict[str, Any]:
        names = ("eta", "target_kl", "anchor", "cap", "std_floor")
        return {name: getattr(self.args, name) for name in names}

    def _log_group_metrics(
        self, old_logps: Tensor, scores: Tensor, where: Tensor, entropies: Tensor, mask: Tensor
    ) -> None:
        """Log the token entropy and the share of groups whose target differs from that of equal scores."""
        start = tpo_target(old_logps, torch.zeros_like(scores), where=where, **self._tpo_options())
        target = tpo_target(old_logps, scores, where=where, **self._tpo_options())
        active = ((target - start).abs().sum(-1) >= 0.05).float().mean()
        totals = torch.stack([(entropies * mask).sum(), mask.sum()])
        totals = self.accelerator.reduce(totals, reduction="sum")
        metrics = self._metrics["train" if self.model.training else "eval"]
        metrics["entropy"].append((totals[0] / totals[1].clamp(min=1)).item())
        metrics["active_groups"].append(self.accelerator.gather(active).mean().item())
