"""`[tune]` tables: values to choose from, on seeds of their own, before the run."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from .spec import Spec, check_distinct

MAX_VALUES = 1000
MAX_AXES = 100


def _check_axis(values: list[Any]) -> list[Any]:
    check_distinct(values, "the value")
    return values


Axis = Annotated[list[Any], Field(min_length=1, max_length=MAX_VALUES), AfterValidator(_check_axis)]
Axes = Annotated[
    dict[str, Axis], Field(max_length=MAX_AXES, description=f"a table of at most {MAX_AXES} lists")
]


class TuneSpec(Spec):
    """How values are chosen for each method at each point of the grid, before the run.

    One axis is chosen after another: first those of `axes`, then the method's own, which are its key `tune`.
    The best value is the one with the smallest mean of the run's metric over steps and seeds. Values with
    which a seed diverged come last.

    Args:
        axes: values by dotted path, for every method.
        seeds: seeds that the choice is made on.
        first_seed: the lowest of these seeds. None of them may be a seed of the run.
        share: steps of each candidate, as a share of the method's steps.
        widen: how many values may be added beyond an edge of an axis, one after another, while the best one
            is at that edge. Each is as far from the edge as the value before it, as a ratio. Axes of fewer
            than three positive numbers are not widened.
    """

    axes: Axes = {}
    seeds: Annotated[int, Field(ge=1, le=1_000_000)] = 3
    first_seed: Annotated[int, Field(ge=0, le=2_000_000_000)] = 1000
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    widen: Annotated[int, Field(ge=0, le=100)] = 2
