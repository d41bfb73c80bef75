"""Tables `[optimizer]`: how gradients become steps."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .spec import Spec, kinds

LearningRate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Epsilon = Annotated[float, Field(gt=0)]


class MuonSpec(Spec):
    """Muon for matrices, Adam for the other parameters, at one learning rate and without weight decay.

    Args:
        learning_rate: step size of both parts.
        beta: momentum of Muon.
        newton_schulz_steps: iterations that orthogonalise a momentum matrix.
        adam_b1: decay of Adam's first moment.
        adam_b2: decay of Adam's second moment.
        eps: keeps the denominators of both parts above zero.
    """

    kind: Literal["muon"] = "muon"
    learning_rate: LearningRate
    beta: Decay = 0.95
    newton_schulz_steps: Annotated[int, Field(ge=1, le=100)] = 5
    adam_b1: Decay = 0.9
    adam_b2: Decay = 0.999
    eps: Epsilon = 1e-8

    def build(self) -> Any:
        """The gradient transformation."""
        from .._learn import muon

        return muon(**self.keywords)


class AdamSpec(Spec):
    """Adam for every parameter.

    Args:
        learning_rate: step size.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the denominator.
    """

    kind: Literal["adam"] = "adam"
    learning_rate: LearningRate
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Epsilon = 1e-8

    def build(self) -> Any:
        """The gradient transformation."""
        from .._learn import adam

        return adam(**self.keywords)


class UnitNormSpec(Spec):
    """Gradient descent with the gradient scaled to norm 1.

    Args:
        learning_rate: length of every step.
    """

    kind: Literal["unit_norm"] = "unit_norm"
    learning_rate: LearningRate

    def build(self) -> Any:
        """The gradient transformation."""
        from .._learn import unit_norm

        return unit_norm(**self.keywords)


Optimizer = Annotated[MuonSpec | AdamSpec | UnitNormSpec, Field(discriminator="kind")]
OPTIMIZERS = kinds(Optimizer)
