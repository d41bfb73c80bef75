"""Tables `[task]`: what the policy answers and how answers are scored."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ._spec import Family, Spec


class TokensSpec(Spec):
    """Token reversal and its relatives: a prompt of `horizon` tokens, an answer of as many.

    Source: arXiv 2604.06159, Section 4.

    Args:
        target: the right answer, as a function of the prompt.
        reward: how tokens are scored; "terminal" pays only when the whole answer is right.
        horizon: tokens in a prompt, and in an answer.
        vocab_size: number of distinct tokens.
    """

    kind: Literal["tokens"] = "tokens"
    target: Literal["copy", "flip", "reverse_copy", "reverse_flip"]
    reward: Literal["bag_of_tokens", "sequential", "terminal"]
    horizon: Annotated[int, Field(ge=1, le=4096)]
    vocab_size: Annotated[int, Field(ge=2, le=65536)]


TASKS = Family("task", {"tokens": TokensSpec})
Task = Annotated[TokensSpec, BeforeValidator(TASKS.parse)]
