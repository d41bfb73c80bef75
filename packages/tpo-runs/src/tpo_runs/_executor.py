"""What trains blocks of seeds: a protocol of four calls, and the one place where a table becomes one."""

import enum
import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from ._block import Surroundings
from ._config_error import ConfigError
from ._jobs import Block
from ._specs_executor import ENGINES, InProcessSpec, RaySpec, SlurmSpec


class State(enum.Enum):
    """Where a block stands that was submitted."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self in (State.DONE, State.FAILED)


class Report(NamedTuple):
    """The state of a block, and in words why it failed."""

    state: State
    words: str = ""


@runtime_checkable
class Executor(Protocol):
    """Trains blocks into the run's store, which is all that those who train share.

    `room` is how many blocks it takes at a time.
    """

    room: int

    def submit(self, block: Block) -> None:
        """Have a block trained; what is done in the store already is not done again."""
        ...

    def poll(self, seconds: float) -> Mapping[str, Report]:
        """The states of all blocks in its hands, by name, after waiting up to `seconds` for one to end.

        A block that has ended is told once, and is then out of its hands.
        """
        ...

    def cancel(self, name: str) -> None:
        """Give up a block; what it has saved stays in the store."""
        ...

    def close(self) -> None:
        """Have blocks that are not done save what they have and end."""
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
    """The executor of a table; imports its engine.

    Args:
        spec: the table.
        config: the config's file, beside which users' own objectives lie.
        around: the run.
        short: whether compiling counts for more than training.

    Raises:
        ConfigError: the cluster cannot be reached, has not what is asked of it, or does not see the store.
    """
    if isinstance(spec, InProcessSpec):
        from ._in_process import InProcess

        return InProcess(config, around)
    module = importlib.import_module(f"._executor_{spec.kind}", __package__)
    return module.make(spec, config, around, short=short)
