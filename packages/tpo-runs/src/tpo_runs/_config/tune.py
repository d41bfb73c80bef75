"""`[tune]` tables: values to choose from, on seeds of their own, before the run."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from .._text import found
from .spec import Spec, check_distinct, invalid

MAX_VALUES = 1000
MAX_AXES = 100


def _check_axis(values: list[Any]) -> list[Any]:
    check_distinct(values, "the value")
    return values


Axis = Annotated[list[Any], Field(min_length=1, max_length=MAX_VALUES), AfterValidator(_check_axis)]
Axes = Annotated[
    dict[str, Axis], Field(max_length=MAX_AXES, description=f"a table of at most {MAX_AXES} lists")
]


class Range(Spec):
    """Numbers to draw from.

    Args:
        low: the smallest.
        high: the largest, above `low`. Integers are drawn if both are integers.
        scale: "log" draws ratios uniformly, which needs `low` above 0, and "linear" numbers.
    """

    low: Annotated[int | float, Field(description="a number")]
    high: Annotated[int | float, Field(description="a number")]
    scale: Literal["log", "linear"] = "log"

    @model_validator(mode="after")
    def _check_order(self) -> "Range":
        if not self.low < self.high:
            raise invalid(f"expected low below high, found {found(self.low)} and {found(self.high)}")
        if self.scale == "log" and self.low <= 0:
            raise invalid(f"a log scale needs low above 0, found {found(self.low)}; or use scale = 'linear'")
        return self

    def at(self, share: float) -> int | float:
        """The number at a share of the way from `low` to `high`, in [0, 1), with four significant digits."""
        if self.scale == "log":
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + (self.high - self.low) * share
        if isinstance(self.low, int) and isinstance(self.high, int):
            return min(self.high, max(self.low, round(value)))
        return float(f"{value:.4g}")


class TuneSpec(Spec):
    """How values are chosen for each method at each point of the grid, before the run.

    With `space`, the best of some random draws is chosen first. Then one axis is chosen after another: those
    of `axes`, then the method's own, which are its key `tune`. The best values have the smallest mean of the
    run's metric over steps and seeds. Values with which a seed diverged come last.

    Args:
        space: ranges by dotted path, of which all keys are drawn together, the same for every method.
        samples: how many draws.
        axes: values by dotted path, for every method.
        seeds: seeds that the choice is made on.
        first_seed: the lowest of these seeds. None of them may be a seed of the run.
        share: steps of each candidate, as a share of the method's steps.
        widen: how many values may be added beyond an edge of an axis, one after another, while the best one
            is at that edge. Each is as far from the edge as the value before it, as a ratio. Axes of fewer
            than three positive numbers are not widened.
    """

    space: dict[str, Range] = {}
    samples: Annotated[int, Field(ge=1, le=1000)] = 20
    axes: Axes = {}
    seeds: Annotated[int, Field(ge=1, le=1_000_000)] = 3
    first_seed: Annotated[int, Field(ge=0, le=2_000_000_000)] = 1000
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    widen: Annotated[int, Field(ge=0, le=100)] = 2
