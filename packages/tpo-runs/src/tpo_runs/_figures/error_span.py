"""The axis of final errors, which fits all panels of a figure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from .._results import mean_interval
from .axes import check_floor, extent, log_error_axis

BAR_NOTE = "bar: mean and 95% interval for any distribution of seeds"


@dataclass(frozen=True)
class ErrorSpan:
    """The error axis of all panels: from 0 to `high`, or on a log scale around the values `low` to `high`."""

    low: float
    high: float
    floor: float | None

    @classmethod
    def of(cls, finals: Sequence[Float[np.ndarray, " _"]], floor: float | None) -> "ErrorSpan":
        """The axis that covers all these values; logarithmic if there is a floor.

        It covers their intervals only if it is logarithmic: for few seeds they reach far beyond all seeds.
        """
        if floor is None:
            _, high = extent(finals, (0.0, 1.0))
            return cls(0.0, high if high > 0 else 1.0, None)
        check_floor(floor)
        ends = [np.array(mean_interval(final)) for final in finals]
        return cls(*extent([np.maximum(values, floor) for values in [*finals, *ends]], (floor, 1.0)), floor)

    @property
    def end(self) -> float:
        """Where the axis ends."""
        return np.inf if self.floor is not None else 1.04 * self.high

    def lift(self, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """The values that the axis can show."""
        return values if self.floor is None else np.maximum(values, self.floor)

    def position(self, lifted: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Where lifted values are on the axis, from 0 to 1."""
        return lifted / self.high if self.floor is None else 1 - np.log(lifted) / np.log(self.floor)

    def set_limits(self, axes: Axes, *, vertical: bool) -> None:
        """Apply the axis to the x or, if `vertical`, the y axis of a panel."""
        if self.floor is not None:
            log_error_axis(axes, self.floor, (self.low, self.high), vertical=vertical)
            return
        (axes.set_ylim if vertical else axes.set_xlim)(-0.04 * self.high, self.end)

    def note(self, finals: Sequence[Float[np.ndarray, " _"]]) -> str:
        """The meaning of the bars and, if there are any, of their arrows."""
        cut = any(mean_interval(final)[1] > self.end for final in finals)
        return BAR_NOTE + ("; arrow: it goes on beyond the axis" if cut else "")
