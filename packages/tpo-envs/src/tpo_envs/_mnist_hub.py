"""MNIST from the `datasets` library, which downloads it from the Hugging Face Hub once and caches it."""

import contextlib
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from ._image_dataset import DatasetError, one_line
from ._mnist_parquet import INSTALL, PARTS, decode_table
from ._mnist_split import Split

_REPOSITORY = "ylecun/mnist"
_CONNECT_SECONDS = 5.0
_OTHERWISE = "set TPO_MNIST_DIR to a directory with the MNIST files, or use the dataset 'digits'"


def read_hub() -> dict[str, Split]:
    """Load the two splits of `ylecun/mnist` with `datasets`, from its cache if the Hub cannot be reached.

    Returns:
        The splits by name.

    Raises:
        DatasetError: if `datasets` is not installed, or the data is not cached and cannot be downloaded.
    """
    try:
        import datasets
        from datasets import config
    except ImportError as error:
        raise DatasetError(
            "dataset 'mnist' was not found: TPO_MNIST_DIR is not set and the datasets library is not "
            f"installed ({error}); run: {INSTALL}, or {_OTHERWISE}"
        ) from error
    endpoint = config.HF_ENDPOINT
    # Without a connection, the library retries for half a minute before it reads its cache.
    offline = config.HF_HUB_OFFLINE or not _answers(endpoint)
    try:
        with _offline_mode(config, offline):
            loaded = datasets.load_dataset(_REPOSITORY)
        tables = {part: loaded[part].with_format("arrow")[:] for part in PARTS}
    # The library, its HTTP client and the file system raise different errors.
    except Exception as error:
        without = f" without a connection to {endpoint}" if offline else ""
        raise DatasetError(
            "dataset 'mnist' was not found: TPO_MNIST_DIR is not set and datasets.load_dataset"
            f"('{_REPOSITORY}') failed{without} ({one_line(error)}); connect once, or {_OTHERWISE}"
        ) from error
    return {part: decode_table(table, f"{_REPOSITORY} ({part})") for part, table in tables.items()}


@contextlib.contextmanager
def _offline_mode(config: Any, offline: bool) -> Iterator[None]:
    before = config.HF_HUB_OFFLINE
    config.HF_HUB_OFFLINE = offline
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE = before


def _answers(url: str) -> bool:
    """Return whether a server answers at `url` within a few seconds, with any status."""
    answered = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            urllib.request.urlopen(request, timeout=_CONNECT_SECONDS).close()
        except urllib.error.HTTPError:
            pass
        except (OSError, ValueError) as error:
            # Leave certificates to the library, which may know authorities that urllib does not.
            if not isinstance(getattr(error, "reason", None), ssl.SSLError):
                return
        answered.set()

    # In a thread, because a DNS lookup has no timeout.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_CONNECT_SECONDS)
    return answered.is_set()
