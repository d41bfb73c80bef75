"""Axes: their style, and logarithmic scales."""

import math
from collections.abc import Iterable
from typing import Literal, cast

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

TICK_SIZE = 8.0


def make_axes(
    rows: int,
    columns: int,
    size: tuple[float, float],
    *,
    share_x: bool = True,
    share_y: Literal["all", "col"] = "all",
) -> tuple[Figure, np.ndarray]:
    """A figure of `rows` by `columns` axes, `size` inches each, with room for a legend and a note."""
    # The legend and the note need a minimum width.
    width = max(columns * size[0] + 0.5, 5.0)
    figure = Figure(figsize=(width, rows * size[1] + 1.0), layout="constrained")
    cast(ConstrainedLayoutEngine, figure.get_layout_engine()).set(w_pad=0.07, h_pad=0.06)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=share_x, sharey=share_y)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=TICK_SIZE)
    return figure, grid


def log_error_axis(axes: Axes, floor: float, drawn: tuple[float, float], *, vertical: bool = True) -> None:
    """Make a log axis for errors in [0, 1] that fits what is drawn on it.

    Args:
        axes: the axes.
        floor: where smaller errors are drawn. If some are, the lowest tick, "≤", stands for all of them.
        drawn: the smallest and the largest error that is drawn.
        vertical: whether it is the y axis.
    """
    low, high = drawn
    at_floor = low < 2 * floor
    bottom = 0.8 * (floor if at_floor else low)
    top = min(1.25 * max(high, 5 * bottom), 1.25)
    inside = [
        10.0**exponent * factor
        for exponent in range(math.floor(math.log10(bottom)), 1)
        for factor in (1, 2, 5)
        if bottom <= 10.0**exponent * factor <= top
    ]
    above = [tick for tick in inside if not at_floor or tick > 1.01 * floor]
    decades = [
        tick for tick in above if math.isclose(math.log10(tick), round(math.log10(tick)), abs_tol=1e-9)
    ]
    # One decade alone is no scale.
    ticks = [*([floor] if at_floor else []), *(decades if len(decades) > 1 else above)]
    axis = axes.yaxis if vertical else axes.xaxis
    (axes.set_yscale if vertical else axes.set_xscale)("log")
    (axes.set_ylim if vertical else axes.set_xlim)(bottom, top)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(
        FuncFormatter(lambda v, _: f"≤{v:g}" if at_floor and math.isclose(v, floor) else f"{v:g}")
    )


def extent(arrays: Iterable[Float[np.ndarray, "..."]], default: tuple[float, float]) -> tuple[float, float]:
    """The smallest and the largest value of some arrays, without NaN; `default` if there is none."""
    known = [array[~np.isnan(array)] for array in map(np.asarray, arrays)]
    known = [array for array in known if array.size]
    return (min(float(a.min()) for a in known), max(float(a.max()) for a in known)) if known else default


def log_steps_axis(axes: Axes) -> None:
    """Make a log axis over steps, from step 1, with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(left=1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))


def check_floor(floor: float) -> None:
    """Check the floor of a log axis up to 1."""
    if not 0 < floor < 1:
        raise ValueError(f"floor must be above 0 and below 1, got {floor}")
