"""MNIST from the `datasets` library, which downloads it from the Hugging Face Hub once and caches it."""

from ._hub import read_hub_tables
from ._mnist_parquet import INSTALL, PARTS, decode_table
from ._mnist_split import Split

_REPOSITORY = "ylecun/mnist"


def read_hub() -> dict[str, Split]:
    """Load the two splits of `ylecun/mnist` with `datasets`, from its cache if the Hub cannot be reached.

    Returns:
        The splits by name.

    Raises:
        DatasetError: if `datasets` is not installed, or the data is not cached and cannot be downloaded.
    """
    tables = read_hub_tables(
        _REPOSITORY,
        None,
        tuple(PARTS),
        missing="dataset 'mnist' was not found: TPO_MNIST_DIR is not set and",
        install=INSTALL,
        otherwise="set TPO_MNIST_DIR to a directory with the MNIST files, or use the dataset 'digits'",
    )
    return {part: decode_table(table, f"{_REPOSITORY} ({part})") for part, table in tables.items()}
