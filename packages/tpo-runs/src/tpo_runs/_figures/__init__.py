"""Figures, as functions of results."""

from .panels import add_remarks as add_remarks
from .save import FIGURES as FIGURES
from .save import binned_surplus as binned_surplus
from .save import figure_bytes as figure_bytes
from .save import final_errors as final_errors
from .save import learning_curves as learning_curves
from .save import probe_curves as probe_curves
from .save import save_figure as save_figure
from .save import sweep as sweep
from .style import METHOD_STYLES as METHOD_STYLES
from .style import SOLID as SOLID
from .style import MethodStyle as MethodStyle
from .style import family_of as family_of
from .style import method_styles as method_styles
from .style import reading_order as reading_order
