"""The report of a stored run: one self-contained HTML page."""

import base64
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from .._figures import figure_bytes
from .._files import write_derived_file
from .._results import ABSENT, CellResult, TextTable, final_error, summarize
from .._store import Store
from .._text import point_label, printable, spaced
from .charts import curve_charts, final_charts
from .drawing import figures_of, recorded, tables_of
from .status import cell_states, provenances, warnings_of

DOTS_PER_INCH = 130


def write_report(out: Path, to: Path | None = None) -> Path:
    """Write the page of a run, complete or not, by default to `report.html` in it.

    Raises:
        ConfigError: there is no run, or a file of it is damaged.
        StorageError: the page cannot be written.
    """
    store = Store(out)
    return write_derived_file(to or store.report, render(store).encode())


def render(store: Store, live: str = "") -> str:
    """The page as HTML. It loads nothing, so it works without a network.

    A page with a version, `live`, asks its server for a newer one.

    Raises:
        ConfigError: there is no run, or a file of it is damaged.
    """
    manifest, results = store.manifest(), store.results()
    metric = manifest.get("metric", "error")
    names = dict.fromkeys(name for result in results for name in result.metrics)
    others = [name for name in names if name != metric]
    config = store.config_text()
    parsed = _parsed(config)
    states = cell_states(store, manifest)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tpo_runs", "data"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    shown = recorded(results, metric, store.manifest_path)
    tables = tables_of(shown, manifest["threshold"], metric) if shown else []
    return environment.get_template("report.html.j2").render(
        title=manifest["title"] or printable(store.root.name),
        paper=manifest.get("paper", ""),
        metric=metric,
        states=states,
        warnings=warnings_of(states, results),
        settings=manifest.get("settings", {}) | {"grid": parsed.get("grid", {})},
        methods=parsed.get("method", []),
        config=config,
        tables=tables,
        charts={
            "main": curve_charts(results, [metric] if metric in names else []),
            "finals": final_charts(results, metric),
            "probes": curve_charts(results, others),
        },
        probes=_probe_table(results, others),
        figures=_figures(manifest, results),
        provenances=provenances(store, states),
        plotly=Markup(get_plotlyjs()),
        live=live,
    )


def _parsed(config: str) -> dict[str, Any]:
    try:
        return tomllib.loads(config)
    except tomllib.TOMLDecodeError:
        return {}


def _probe_table(results: Sequence[CellResult], names: Sequence[str]) -> TextTable | None:
    """The final value of every other metric: the mean over seeds with its interval."""
    if not results or not names:
        return None
    rows = [
        (result.method, point_label(result.point), *(_final_words(result, name) for name in names))
        for result in results
    ]
    columns = ("method", "grid point", *map(spaced, names))
    notes = ("Mean over seeds of the last 1% of steps, with Student's 95% interval.",)
    return TextTable("Last values of all other metrics", columns, tuple(rows), 2, notes)


def _final_words(result: CellResult, name: str) -> str:
    if name not in result.metrics:
        return ABSENT
    summary = summarize(final_error(result, metric=name), None)
    low, high = summary.interval
    interval = "" if math.isnan(low) else f" [{low:.3g}, {high:.3g}]"
    return ABSENT if math.isnan(summary.mean) else f"{summary.mean:.3g}{interval}"


def _figures(manifest: Mapping[str, Any], results: Sequence[CellResult]) -> list[dict[str, str]]:
    """The config's figures as embedded images, or the reasons why they could not be drawn."""
    drawn = []
    for name, figure in figures_of(manifest, results):
        if isinstance(figure, ValueError):
            drawn.append({"name": name, "fault": str(figure), "data": ""})
            continue
        content = figure_bytes(figure, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
        drawn.append({"name": name, "fault": "", "data": base64.b64encode(content).decode()})
    return drawn
