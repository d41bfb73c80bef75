"""Tables `[policy]`: what gives probabilities to answers."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ._spec import Family, Spec, refusal


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


POLICIES = Family("policy", {"transformer": TransformerSpec})
Policy = Annotated[TransformerSpec, BeforeValidator(POLICIES.parse)]
