"""Figures, tables, summaries and reports of a stored run."""

from .charts import CONTRAST as CONTRAST
from .charts import DARK_PAGE as DARK_PAGE
from .charts import LIGHT_PAGE as LIGHT_PAGE
from .charts import _luminance as _luminance
from .charts import readable as readable
from .combine import combine_cells as combine_cells
from .combine import combine_summaries as combine_summaries
from .draw import draw as draw
from .draw import summary_records as summary_records
from .draw import tables_of as tables_of
from .draw_summaries import draw_summaries as draw_summaries
from .from_summary import result_of as result_of
from .redraw import redraw as redraw
from .report import render as render
from .report import write_report as write_report
from .summarize import summarize as summarize
from .summarize import write_summary as write_summary
from .summary import CellRecord as CellRecord
from .summary import PaperRecord as PaperRecord
from .summary import RunSummary as RunSummary
from .summary import read_summary as read_summary
from .summary import summary_bytes as summary_bytes
