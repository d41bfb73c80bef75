"""`[task]` tables of the tasks whose answers have lengths of their own."""

from typing import Annotated, Literal

from pydantic import Field

from .task_base import Horizon, Target, TaskSpec, Vocabulary

WholeReward = Literal["terminal", "graded"]
Count = Annotated[int, Field(ge=1, le=4096)]
Base = Annotated[int, Field(ge=2, le=1024)]


class LengthLadderSpec(TaskSpec):
    """Answers of `horizon` tokens of which the first `scored` count: length without difficulty.

    Args:
        horizon: tokens in an answer.
        vocab_size: number of distinct tokens.
        scored: tokens in a prompt, and at the start of an answer that count.
        reward: "terminal" pays if all scored tokens are correct, "graded" the square of the share that is.
        target: what the scored tokens should be, as a function of the prompt.
    """

    kind: Literal["length_ladder"] = "length_ladder"
    horizon: Horizon
    vocab_size: Vocabulary = 4
    scored: Count = 2
    reward: WholeReward = "terminal"
    target: Target = "reverse_copy"


class VariableLengthTaskSpec(TaskSpec):
    """Prompts of different lengths; the answer is a transformation of the prompt, then the end token.

    Args:
        target: the correct answer, as a function of the prompt.
        reward: "terminal" pays only for a fully correct answer, "graded" the square of the share of correct
            tokens, "form" 1 for a fully correct answer and 0.01 for a wrong one that ends after the right
            number of tokens.
        min_length: tokens in the shortest prompt.
        max_length: tokens in the longest prompt.
        vocab_size: number of distinct tokens, the end token included.
    """

    kind: Literal["variable_length"] = "variable_length"
    target: Literal["copy", "reverse_copy"] = "reverse_copy"
    reward: Literal["terminal", "graded", "form"] = "terminal"
    min_length: Count = 1
    max_length: Count
    vocab_size: Vocabulary


class CountingTaskSpec(TaskSpec):
    """Count up to the number in the prompt.

    Args:
        reward: "terminal" pays only for a fully correct answer, "graded" the square of the share of correct
            tokens.
        limit: the largest number.
        base: the base of its digits.
    """

    kind: Literal["counting"] = "counting"
    reward: WholeReward = "terminal"
    limit: Count
    base: Base = 10


class CountdownTaskSpec(TaskSpec):
    """Make a target from given numbers by addition, subtraction and multiplication.

    Args:
        reward: "terminal" pays only for the target, "graded" partly for a valid expression.
        numbers: how many numbers are given.
        base: the base of the digits.
        target_digits: digits of the target.
    """

    kind: Literal["countdown"] = "countdown"
    reward: WholeReward = "terminal"
    numbers: Annotated[int, Field(ge=2, le=4)] = 3
    base: Base = 10
    target_digits: Annotated[int, Field(ge=1, le=4)] = 2


class ColoringTaskSpec(TaskSpec):
    """Color the nodes of a small graph so that no edge joins two of one color.

    Args:
        reward: "terminal" pays only for a proper coloring, "graded" partly for the others.
        nodes: nodes of the graph.
        edges: edges of the graph.
        colors: colors to choose from.
    """

    kind: Literal["graph_coloring"] = "graph_coloring"
    reward: WholeReward = "terminal"
    nodes: Annotated[int, Field(ge=2, le=64)]
    edges: Count
    colors: Annotated[int, Field(ge=2, le=64)] = 3


class ArgsortTaskSpec(TaskSpec):
    """Give the positions of the prompt's values in ascending order, equal ones in any order.

    Args:
        reward: "terminal" pays only for a correct order, "graded" partly for the others.
        length: values in a prompt.
        values: distinct values to draw from.
    """

    kind: Literal["argsort"] = "argsort"
    reward: WholeReward = "terminal"
    length: Annotated[int, Field(ge=2, le=64)]
    values: Annotated[int, Field(ge=1, le=1024)]


ANSWER_TASKS = (
    LengthLadderSpec,
    VariableLengthTaskSpec,
    CountingTaskSpec,
    CountdownTaskSpec,
    ColoringTaskSpec,
    ArgsortTaskSpec,
)
