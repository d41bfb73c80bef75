"""All metrics of a run as one file, which other programs read in one call."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .._files import write_derived_file
from .store import Store


def write_frame(out: Path, to: Path | None = None) -> Path:
    """Write the frame of a run, complete or not, as Parquet, by default to `metrics.parquet` in it.

    Raises:
        ConfigError: there is no run, or a file of it is damaged.
        StorageError: the file cannot be written.
    """
    store = Store(out)
    content = pa.BufferOutputStream()
    pq.write_table(store.frame(), content, compression="zstd", write_page_checksum=True)
    return write_derived_file(to or store.all_metrics, content.getvalue().to_pybytes())
