"""Table `[evaluation]`: measures of the policy itself, taken every so many steps."""

from typing import Annotated

from pydantic import Field, Strict

from .spec import Spec, names_among

# How much of the wrong classes' probability the likeliest one has; the last edge lets 1 into the last bin.
CONCENTRATION_EDGES = (0.0, 0.25, 0.5, 0.75, 1.01)

# The columns that each measure records.
MEASURES: dict[str, tuple[str, ...]] = {
    "test_error": ("test_error",),
    "surplus": tuple(f"surplus_bin_{i}" for i in range(len(CONCENTRATION_EDGES) - 1)),
}


class EvaluationSpec(Spec):
    """Measures of the policy on the test images of the task.

    Args:
        every: steps from one evaluation to the next; the first is after this many.
        measures: "test_error", the share of images whose likeliest class is wrong, and "surplus", what the
            method's update gains over its symmetric surrogate, by concentration of the wrong classes.
    """

    every: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    measures: Annotated[
        tuple[str, ...], Strict(False), Field(description="a list of names"), names_among(MEASURES, "measure")
    ] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The metrics that are recorded."""
        return tuple(column for name in self.measures for column in MEASURES[name])
