"""Tables `[policy]`: what gives probabilities to answers."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, Strict, model_validator

from .spec import Spec, kinds, refusal

if TYPE_CHECKING:
    from .._learn import PolicyMaker


class TransformerSpec(Spec):
    """A causal transformer, decoder only and pre-norm.

    The paper's text gives 4 heads; 2 is what its published results were made with.

    Args:
        width: size of the residual stream; the MLPs are four times as wide.
        layers: number of blocks.
        heads: attention heads; divides `width`.
    """

    kind: Literal["transformer"] = "transformer"
    width: Annotated[int, Field(ge=1, le=65536)] = 64
    layers: Annotated[int, Field(ge=1, le=1024)] = 2
    heads: Annotated[int, Field(ge=1, le=1024)] = 2

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "TransformerSpec":
        if self.width % self.heads:
            fits = [n for n in range(1, self.width + 1) if self.width % n == 0]
            nearest = min(fits, key=lambda n: abs(n - self.heads))
            raise refusal(f"heads = {self.heads} does not divide width = {self.width}; try heads = {nearest}")
        return self

    def build(self, task: Any) -> "PolicyMaker":
        """What makes a policy for the task from a key."""
        from tpo_models import CausalTransformer

        from .._learn import PolicyMaker

        return PolicyMaker.of(
            CausalTransformer, horizon=task.horizon, vocab_size=task.vocab_size, **self.keywords
        )


Width = Annotated[int, Field(ge=1, le=65536)]


class MLPSpec(Spec):
    """A multilayer perceptron with ReLU, over the actions of a bandit made of images.

    Args:
        hidden: widths of the hidden layers.
    """

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[
        tuple[Width, ...],
        Strict(False),
        Field(max_length=64, description="a list of at most 64 integers from 1 to 65536"),
    ] = (50, 50)

    def build(self, task: Any) -> "PolicyMaker":
        """What makes a policy for the task from a key."""
        from tpo_models import MLP

        from .._learn import PolicyMaker

        return PolicyMaker.of(MLP, inputs=task.images.shape[1], actions=task.num_actions, **self.keywords)


class LogitTableSpec(Spec):
    """A table with one logit for each context and action.

    Args:
        initial_std: standard deviation of the first logits; 0 starts at the uniform policy.
    """

    kind: Literal["logit_table"] = "logit_table"
    initial_std: Annotated[float, Field(ge=0)] = 0.0

    def build(self, task: Any) -> "PolicyMaker":
        """What makes a policy for the task from a key."""
        from tpo_models import LogitTable

        from .._learn import PolicyMaker

        return PolicyMaker.of(
            LogitTable, contexts=task.num_contexts, actions=task.num_actions, **self.keywords
        )


Policy = Annotated[TransformerSpec | MLPSpec | LogitTableSpec, Field(discriminator="kind")]
POLICIES = kinds(Policy)
