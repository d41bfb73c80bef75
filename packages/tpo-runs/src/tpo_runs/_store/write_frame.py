"""All metrics of a run as one file, which other programs read in one call."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .._errors import as_storage_error
from .._files import write_named_file
from .store import Store


def write_frame(out: Path, to: Path | None = None) -> Path:
    """Write `Store(out).frame()` as Parquet.

    Args:
        out: the output directory of a run, complete or not.
        to: the file; by default `metrics.parquet` in it.

    Returns:
        The file.

    Raises:
        ConfigError: there is no run, or a file of it is damaged.
        StorageError: the file cannot be written.
    """
    store = Store(out)
    content = pa.BufferOutputStream()
    pq.write_table(store.frame(), content, compression="zstd", write_page_checksum=True)
    path = to or store.all_metrics
    with as_storage_error(path, "the results are intact; --to names another file"):
        write_named_file(path, content.getvalue().to_pybytes())
    return path
