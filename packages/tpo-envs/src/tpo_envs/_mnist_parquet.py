"""MNIST in parquet files with the columns of `ylecun/mnist`: `image` (PNG bytes) and `label`."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from ._image_dataset import DatasetError, one_line
from ._mnist_split import Split

PARTS = ("train", "test")
INSTALL = "pip install 'tpo-envs[mnist]'"


def read_parquet(directory: Path) -> dict[str, Split] | None:
    """Read `train-*.parquet` and `test-*.parquet` from `directory` or, as in a clone, from its `mnist/`.

    Args:
        directory: an existing directory.

    Returns:
        The two splits by name, or None if there is no such parquet file.

    Raises:
        DatasetError: if one of the two is missing or damaged, or pyarrow or Pillow is not installed.
    """
    files = {
        part: sorted(directory.glob(f"{part}-*.parquet")) or sorted(directory.glob(f"mnist/{part}-*.parquet"))
        for part in PARTS
    }
    if not any(files.values()):
        return None
    if missing := [f"{part}-*.parquet" for part in PARTS if not files[part]]:
        raise DatasetError(f"MNIST directory {directory} lacks {', '.join(missing)}; it must contain both")
    return {part: _read_files(files[part]) for part in PARTS}


def decode_table(table: Any, where: str) -> Split:
    """Turn the columns `image` (a struct with PNG `bytes`) and `label` into arrays.

    Args:
        table: one split, a `pyarrow.Table`.
        where: its location, for messages.

    Returns:
        The split, with images `[n, rows, columns]` in `uint8`.

    Raises:
        DatasetError: if a column is missing or of another type, a PNG is damaged or not 8-bit gray, or sizes
            differ.
    """
    try:
        encoded = table.column("image").combine_chunks().field("bytes").to_pylist()
        labels = np.asarray(table.column("label").to_pylist(), np.int64)
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{where}: expected the columns image (a struct with PNG bytes) and label (an integer), found "
            f"{', '.join(f'{field.name}: {field.type}' for field in table.schema)} ({one_line(error)})"
        ) from error
    if not encoded:
        raise DatasetError(f"{where}: no images; download it again")
    images = [_decode_png(data, f"{where}, image {row}") for row, data in enumerate(encoded)]
    if len(sizes := {image.shape for image in images}) > 1:
        raise DatasetError(f"{where}: images must have the same size, found {sorted(sizes)}")
    return Split(np.stack(images), labels, where, where)


def _decode_png(data: bytes | None, where: str) -> np.ndarray:
    try:
        from PIL import Image
    except ImportError as error:
        raise DatasetError(f"{where}: reading PNG images needs Pillow ({error}); run: {INSTALL}") from error
    try:
        image = np.asarray(Image.open(io.BytesIO(data or b""), formats=["PNG"]))
    except Exception as error:  # a damaged PNG raises OSError, SyntaxError, zlib.error and others
        raise DatasetError(f"{where}: not a readable PNG ({one_line(error)}); download it again") from error
    if image.dtype != np.uint8 or image.ndim != 2:
        raise DatasetError(f"{where}: expected 8-bit gray pixels, found {image.dtype} in shape {image.shape}")
    return image


def _read_files(paths: list[Path]) -> Split:
    where = ", ".join(map(str, paths))
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DatasetError(f"{where}: reading parquet needs pyarrow ({error}); run: {INSTALL}") from error
    try:
        tables = [parquet.read_table(path, page_checksum_verification=True) for path in paths]
        return decode_table(pyarrow.concat_tables(tables), where)
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetError(
            f"{where}: not a readable parquet file ({one_line(error)}); download it again"
        ) from error
