"""Figures, as functions of results."""

from .axes import make_axes as make_axes
from .curves import learning_curves as learning_curves
from .curves import probe_curves as probe_curves
from .finals import final_errors as final_errors
from .panels import LABEL_SIZE as LABEL_SIZE
from .panels import TITLE_SIZE as TITLE_SIZE
from .panels import add_remarks as add_remarks
from .panels import finish as finish
from .save import FIGURES as FIGURES
from .save import figure_bytes as figure_bytes
from .save import save_figure as save_figure
from .style import METHOD_STYLES as METHOD_STYLES
from .style import SOLID as SOLID
from .style import MethodStyle as MethodStyle
from .style import method_styles as method_styles
from .surplus import binned_surplus as binned_surplus
from .sweep import sweep as sweep
