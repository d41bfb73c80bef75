"""Data sets from the Hugging Face Hub through the `datasets` library, which caches them."""

import contextlib
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from ._image_dataset import DatasetError, one_line

_CONNECT_SECONDS = 5.0


def read_hub_tables(
    repository: str, name: str | None, parts: tuple[str, ...], *, missing: str, install: str, otherwise: str
) -> dict[str, Any]:
    """Load splits of a data set from the Hub, from the cache if the Hub cannot be reached.

    Args:
        repository: the name of the repository on the Hub.
        name: the name of its configuration, or None.
        parts: the names of its splits.
        missing: the start of messages.
        install: the command that installs `datasets`, for messages.
        otherwise: what else a user can do, for messages.

    Returns:
        Arrow tables by the names of the splits.

    Raises:
        DatasetError: if `datasets` is not installed, or the data is not cached and cannot be downloaded.
    """
    try:
        import datasets
        from datasets import config
    except ImportError as error:
        raise DatasetError(
            f"{missing} the datasets library is not installed ({error}); run: {install}, or {otherwise}"
        ) from error
    endpoint = config.HF_ENDPOINT
    # Without a connection, the library retries for half a minute before it reads its cache.
    offline = config.HF_HUB_OFFLINE or not _answers(endpoint)
    try:
        with _offline_mode(config, offline):
            loaded = datasets.load_dataset(repository, name)
        return {part: loaded[part].with_format("arrow")[:] for part in parts}
    # The library, its HTTP client and the file system raise different errors.
    except Exception as error:
        without = f" without a connection to {endpoint}" if offline else ""
        raise DatasetError(
            f"{missing} datasets.load_dataset('{repository}') failed{without} ({one_line(error)}); "
            f"connect once, or {otherwise}"
        ) from error


@contextlib.contextmanager
def _offline_mode(config: Any, offline: bool) -> Iterator[None]:
    before = config.HF_HUB_OFFLINE
    config.HF_HUB_OFFLINE = offline
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE = before


def _answers(url: str) -> bool:
    """Return whether a server at `url` answers within a few seconds, with any status."""
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
