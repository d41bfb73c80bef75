"""Axes: their style, and logarithmic scales."""

import math
from typing import Literal, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

TICK_SIZE = 8.0


def make_axes(
    rows: int, columns: int, size: tuple[float, float], *, share_y: Literal["all", "col"] = "all"
) -> tuple[Figure, np.ndarray]:
    """A figure of `rows` by `columns` axes, `size` inches each, with room for a legend and a note."""
    # The legend and the note need a minimum width.
    width = max(columns * size[0] + 0.5, 5.0)
    figure = Figure(figsize=(width, rows * size[1] + 1.0), layout="constrained")
    cast(ConstrainedLayoutEngine, figure.get_layout_engine()).set(w_pad=0.07, h_pad=0.06)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=share_y)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#E4E4E4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=TICK_SIZE)
    return figure, grid


def log_error_axis(axes: Axes, floor: float, *, vertical: bool = True) -> None:
    """Make a log axis for errors in [0, 1]; the lowest tick, "≤", stands for all smaller values."""
    decades = [10.0**e for e in range(math.ceil(math.log10(floor) + 1e-9), 1)]
    ticks = [floor, *decades[decades[:1] == [floor] :]]
    axis = axes.yaxis if vertical else axes.xaxis
    (axes.set_yscale if vertical else axes.set_xscale)("log")
    (axes.set_ylim if vertical else axes.set_xlim)(floor * 0.8, 1.25)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"≤{v:g}" if math.isclose(v, floor) else f"{v:g}"))


def log_steps_axis(axes: Axes) -> None:
    """Make a log axis over steps, from step 1, with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(left=1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))


def check_floor(floor: float) -> None:
    """Check the floor of a log axis up to 1."""
    if not 0 < floor < 1:
        raise ValueError(f"floor must be above 0 and below 1, got {floor}")
