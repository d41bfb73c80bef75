"""Figures, as functions of results."""

from collections.abc import Callable

from matplotlib.figure import Figure

from .axes import make_axes as make_axes
from .curves import learning_curves as learning_curves
from .curves import probe_curves as probe_curves
from .diagnostics import diagnostics
from .finals import final_errors as final_errors
from .panels import LABEL_SIZE as LABEL_SIZE
from .panels import TITLE_SIZE as TITLE_SIZE
from .panels import add_remarks as add_remarks
from .panels import finish as finish
from .ranking import performance_profile, ranking
from .save import figure_bytes as figure_bytes
from .save import save_figure as save_figure
from .style import METHOD_STYLES as METHOD_STYLES
from .style import SOLID as SOLID
from .style import MethodStyle as MethodStyle
from .style import method_styles as method_styles
from .surplus import binned_surplus as binned_surplus
from .sweep import sweep as sweep

# The kinds of figures that a config can ask for.
FIGURES: dict[str, Callable[..., Figure]] = {
    "learning_curves": learning_curves,
    "final_errors": final_errors,
    "probe_curves": probe_curves,
    "sweep": sweep,
    "binned_surplus": binned_surplus,
    "ranking": ranking,
    "performance_profile": performance_profile,
    "diagnostics": diagnostics,
}
