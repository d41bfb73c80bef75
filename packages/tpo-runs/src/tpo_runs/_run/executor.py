"""Where blocks of seeds are trained: the protocol of an executor, and the one that a config asks for."""

import importlib
import importlib.util
from collections.abc import Container, Generator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from .._config import ENGINES, InProcessSpec, RaySpec, SlurmSpec
from .._errors import ConfigError
from .block import Surroundings
from .blocks import Block


@runtime_checkable
class Executor(Protocol):
    """Trains blocks into the run's store."""

    def train(
        self, blocks: Sequence[Block], failed: Container[str]
    ) -> Generator[tuple[Block, str], None, None]:
        """Yield each block when it ends, and why it failed; an empty string if it is in the store.

        Args:
            blocks: the blocks to train.
            failed: keys of cells that have failed. The caller adds to it between two blocks, and the
                remaining blocks of those cells are dropped.

        Raises:
            Stopped: a signal arrived.
            StorageError: the disk does not take what has to be kept.
        """
        ...

    def close(self) -> None:
        """Release what the executor holds."""
        ...


def check_engine(spec: InProcessSpec | RaySpec | SlurmSpec) -> None:
    """Refuse an executor whose engine is not installed.

    Raises:
        ConfigError: with the command that installs it.
    """
    engine = ENGINES.get(spec.kind)
    if engine and importlib.util.find_spec(engine) is None:
        raise ConfigError(
            [
                f"[executor] kind = {spec.kind!r} needs {engine}, which is not installed; "
                f"install it with: pip install 'tpo-runs[{spec.kind}]'"
            ]
        )


def make_executor(
    spec: InProcessSpec | RaySpec | SlurmSpec, config: Path, around: Surroundings, *, short: bool
) -> Executor:
    """Make the executor that an `[executor]` table describes.

    Args:
        spec: the table.
        config: path of the config; objectives of the user may lie beside it.
        around: what the blocks of the run share.
        short: whether compiling takes longer than training.

    Raises:
        ConfigError: the cluster cannot be reached, lacks a resource, or does not see the store.
    """
    if isinstance(spec, InProcessSpec):
        from .in_process import InProcess

        return InProcess(config, around)
    module = importlib.import_module(f".on_{spec.kind}", __package__)
    return module.make(spec, config, around, short=short)
