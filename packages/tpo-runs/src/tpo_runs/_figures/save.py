"""How figures are saved: the same data gives the same bytes."""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from .._files import write_named_file

# Without dates and versions, which differ between equal figures.
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
