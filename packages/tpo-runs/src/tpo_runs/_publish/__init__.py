"""Figures, tables, summaries and reports of a stored run."""

from .charts import DARK_PAGE as DARK_PAGE
from .charts import LIGHT_PAGE as LIGHT_PAGE
from .charts import MIN_CONTRAST as MIN_CONTRAST
from .charts import luminance as luminance
from .charts import readable as readable
from .combine import combine_cells as combine_cells
from .combine import combine_summaries as combine_summaries
from .compare import compare_runs as compare_runs
from .drawing import tables_of as tables_of
from .live import serve_report as serve_report
from .report import render as render
from .report import write_report as write_report
from .sources import read_results as read_results
from .store_drawing import draw as draw
from .store_drawing import redraw as redraw
from .store_drawing import summary_records as summary_records
from .summarize import summarize as summarize
from .summarize import write_summary as write_summary
from .summary_drawing import draw_summaries as draw_summaries
from .summary_file import RunSummary as RunSummary
from .summary_file import read_summary as read_summary
from .summary_file import summary_bytes as summary_bytes
