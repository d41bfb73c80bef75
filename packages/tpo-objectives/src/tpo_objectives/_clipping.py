"""The clipped surrogate with the same width on both sides."""

from jaxtyping import Array, Float

from . import surrogates
from ._options import Number, read_positive
from ._policy_gradient import Surrogate


def clipped_on_both_sides(caller: str, clip: Number) -> Surrogate:
    """`surrogates.clipped`, with messages that name the objective and its option `clip`."""

    def surrogate(
        logp: Float[Array, "*b"], old_logp: Float[Array, "*b"], advantages: Float[Array, "*b"]
    ) -> Float[Array, "*b"]:
        width = read_positive(caller, "clip", clip, logp, usual=0.2)
        return surrogates.clipped(logp, old_logp, advantages, low=width, high=width)

    return surrogate
