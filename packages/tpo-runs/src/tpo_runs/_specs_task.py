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


Actions = Annotated[int, Field(ge=2, le=65536)]


class SymmetricBanditSpec(Spec):
    """A bandit without contexts: one right action, and wrong ones that are all alike.

    Source: arXiv 2604.06159, figure 2.

    Args:
        actions: number of actions; the first is right.
    """

    kind: Literal["symmetric_bandit"] = "symmetric_bandit"
    actions: Actions = 100


class ContextTableSpec(Spec):
    """A bandit with numbered contexts, each with one right action.

    Source: arXiv 2604.06159, figure 3.

    Args:
        contexts: number of contexts.
        actions: number of actions; the first is right.
    """

    kind: Literal["context_table"] = "context_table"
    contexts: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    actions: Actions = 10


class ImagesSpec(Spec):
    """A bandit made of labelled images: see an image, name its class, be told only right or wrong.

    Source: arXiv 2604.06159, figures 1a and 4.

    Args:
        dataset: "mnist", or "digits", a small one that comes with scikit-learn.
        directory: where the MNIST files are. Without it, that in the environment variable TPO_MNIST_DIR, else
            a download.
    """

    kind: Literal["images"] = "images"
    dataset: Literal["mnist", "digits"]
    directory: str | None = Field(default=None, description="a string")


TASKS = Family(
    "task",
    {
        "tokens": TokensSpec,
        "symmetric_bandit": SymmetricBanditSpec,
        "context_table": ContextTableSpec,
        "images": ImagesSpec,
    },
)
Task = Annotated[
    TokensSpec | SymmetricBanditSpec | ContextTableSpec | ImagesSpec, BeforeValidator(TASKS.parse)
]
