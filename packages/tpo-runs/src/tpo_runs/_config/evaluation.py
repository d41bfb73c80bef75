"""The `[evaluation]` table: measures of the policy on test data, taken at intervals."""

from typing import Annotated

from pydantic import Field

from .spec import Names, Spec, names_among

# Bins of the share that the likeliest wrong class has in the probability of all. The last bin includes 1.
CONCENTRATION_EDGES = (0.0, 0.25, 0.5, 0.75, 1.01)

# The columns that each measure records.
MEASURES: dict[str, tuple[str, ...]] = {
    "test_error": ("test_error",),
    "surplus": tuple(f"surplus_bin_{i}" for i in range(len(CONCENTRATION_EDGES) - 1)),
}


class EvaluationSpec(Spec):
    """Measures of the policy on the task's test images.

    Args:
        every: steps between evaluations, and before the first one.
        measures: "test_error", the share of images whose likeliest class is wrong, and "surplus", the gain of
            the method's update over its symmetric surrogate, by concentration of the wrong classes.
    """

    every: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    measures: Annotated[Names, names_among(MEASURES, "measure")] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the recorded metrics."""
        return tuple(column for name in self.measures for column in MEASURES[name])
