"""The figures by name, and how they are saved."""

import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from .._files import write_named_file
from .curves import learning_curves as learning_curves
from .curves import probe_curves as probe_curves
from .diagnostics import diagnostics as diagnostics
from .finals import final_errors as final_errors
from .ranking import performance_profile as performance_profile
from .ranking import ranking as ranking
from .surplus import binned_surplus as binned_surplus
from .sweep import sweep as sweep

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

# No dates and versions, so that the same data gives the same bytes.
_METADATA = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None},
}


def figure_bytes(figure: Figure, **options: Any) -> bytes:
    """A figure as the content of a file, with options of `savefig`. Missing glyphs are drawn as boxes."""
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(content, **options)
    return content.getvalue()


def save_figure(figure: Figure, path_stem: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write a figure as PNG (200 dpi) and PDF, atomically.

    The same data gives byte-identical files, without dates and versions in the metadata.

    Args:
        figure: the figure.
        path_stem: the path; an extension .png or .pdf is ignored. Its folder is created if needed.

    Returns:
        The paths of the PNG and the PDF.
    """
    stem = Path(path_stem)
    if stem.suffix.removeprefix(".") in _METADATA:
        stem = stem.with_suffix("")
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = []
    for ending, metadata in _METADATA.items():
        path = stem.with_name(f"{stem.name}.{ending}")
        # TrueType fonts, because many venues reject matplotlib's default, Type 3.
        with matplotlib.rc_context({"pdf.fonttype": 42}):
            content = figure_bytes(figure, format=ending, dpi=200, metadata=metadata)
        write_named_file(path, content)
        paths.append(path)
    return paths[0], paths[1]
