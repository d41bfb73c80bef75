"""`[policy]` tables: the model that assigns probabilities to answers."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, Strict, model_validator

from .kinds import kinds, of_kind
from .language_model import LanguageModelSpec
from .own import ImportPath, OwnSpec
from .policy_base import PolicySpec
from .spec import Identity, invalid


class CausalTransformerSpec(PolicySpec):
    """A causal transformer, decoder only and pre-norm.

    The paper's text gives 4 heads, but its published results were made with 2.

    Args:
        width: size of the residual stream; the MLPs are four times as wide.
        layers: number of blocks.
        heads: attention heads; divides `width`.
        initial_probs: probabilities of the tokens that the biases of the head start from, one for each token;
            equal ones by default. Unequal ones give answers of one group different log-probs from the start.
    """

    kind: Literal["transformer"] = "transformer"
    width: Annotated[int, Field(ge=1, le=65536)] = 64
    layers: Annotated[int, Field(ge=1, le=1024)] = 2
    heads: Annotated[int, Field(ge=1, le=1024)] = 2
    initial_probs: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None,
        Strict(False),
        Field(description="a list of numbers between 0 and 1 whose sum is 1"),
        Identity.UNLESS_DEFAULT,
    ] = None

    @model_validator(mode="after")
    def _check_heads(self) -> "CausalTransformerSpec":
        if self.width % self.heads:
            divisors = [n for n in range(1, self.width + 1) if self.width % n == 0]
            nearest = min(divisors, key=lambda n: abs(n - self.heads))
            raise invalid(f"heads = {self.heads} does not divide width = {self.width}; try heads = {nearest}")
        if self.initial_probs is not None and abs(sum(self.initial_probs) - 1) > 1e-6:
            raise invalid(f"initial_probs sum to {sum(self.initial_probs):g}; expected 1")
        return self

    @property
    def keywords(self) -> dict[str, Any]:
        """The keyword arguments of the policy; makers of policies of stored runs have no new ones."""
        return {key: value for key, value in super().keywords.items() if value is not None}

    def _sizes(self, task: Any) -> dict[str, int]:
        sizes = {"horizon": task.horizon, "vocab_size": task.vocab_size}
        length = getattr(task, "prompt_length", task.horizon)
        return sizes if length == task.horizon else {**sizes, "prompt_length": length}


class MLPSpec(PolicySpec):
    """A multilayer perceptron with ReLU, from images to actions.

    Args:
        hidden: widths of the hidden layers.
    """

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=65536)], ...],
        Strict(False),
        Field(max_length=64, description="a list of at most 64 integers from 1 to 65536"),
    ] = (50, 50)

    def _sizes(self, task: Any) -> dict[str, int]:
        return {"inputs": task.images.shape[1], "actions": task.num_actions}


class LogitTableSpec(PolicySpec):
    """A table with one logit for each context and action.

    Args:
        initial_std: standard deviation of the initial logits; 0 starts at the uniform policy.
    """

    kind: Literal["logit_table"] = "logit_table"
    initial_std: Annotated[float, Field(ge=0)] = 0.0

    def _sizes(self, task: Any) -> dict[str, int]:
        return {"contexts": task.num_contexts, "actions": task.num_actions}


class OwnPolicySpec(PolicySpec, OwnSpec):
    """A user's own class, named "module:Class", which also gets the keywords `task` and `key`."""

    pattern: ClassVar[str] = "module:Class"
    passed: ClassVar[tuple[str, ...]] = ("task", "key")
    lacks: ClassVar[str] = "an own policy has no probes of a logit table, no top_p, adapters or export"
    kind: ImportPath

    def _sizes(self, task: Any) -> dict[str, Any]:
        return {"task": task}


POLICIES = kinds(CausalTransformerSpec, MLPSpec, LogitTableSpec, LanguageModelSpec)
Policy = Annotated[SerializeAsAny[PolicySpec], of_kind("policy", POLICIES, OwnPolicySpec)]
