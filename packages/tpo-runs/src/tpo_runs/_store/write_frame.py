"""All metrics of a run as one file, which other programs read in one call."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .._errors import as_storage_error
from .._files import write_named_file
from .store import Store


def write_frame(out: Path, to: Path | None = None) -> Path:
    """Write `Store(out).frame()` as Parquet; by default to `metrics.parquet` in `out`. Returns the file."""
    store = Store(out)
    content = pa.BufferOutputStream()
    pq.write_table(store.frame(), content, compression="zstd", write_page_checksum=True)
    path = to or store.all_metrics
    with as_storage_error(path, "the results are intact; --to names another file"):
        write_named_file(path, content.getvalue().to_pybytes())
    return path
