"""Training one block in a process that a cluster's engine has started, for a run elsewhere."""

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._orders import Order, Orders
from ._signals import Stopped

if TYPE_CHECKING:
    from ._jobs import Block, Compiled

SIGTERM = 15
# The program that this process has compiled last: its next block often needs the same.
_programs: dict[tuple[Any, ...], "Compiled"] = {}


class StopWhenUnwanted:
    """Stops a worker when the order that it works at is withdrawn."""

    def __init__(self, orders: Orders, name: str):
        self._orders, self._name = orders, name

    @property
    def asked(self) -> bool:
        """Whether it is."""
        return not self._orders.wanted(self._name)

    def check(self) -> None:
        """Raise `Stopped` if it is."""
        if self.asked:
            raise Stopped(SIGTERM)


def work(order: Order) -> None:
    """Train a block into the store, from its last checkpoint on, unless it is there already.

    What goes wrong is written beside the order, where the run finds it.
    """
    from ._failures import told_and_kept

    orders = Orders(Path(order.store), order.run)
    if not orders.wanted(order.name) or (lock := orders.lock(order.name)) is None:
        return
    try:
        orders.start(order.name, {"host": platform.node(), "pid": os.getpid()})
        _train(order, orders)
    except Stopped:
        return
    except Exception as error:
        cell = order.name.partition("-")[0]
        orders.fail(order.name, told_and_kept(error, Path(order.store), cell))
    finally:
        lock.release()


def _train(order: Order, orders: Orders) -> None:
    os.environ.update(order.environment)
    if Path(order.directory).is_dir():
        os.chdir(order.directory)
    from ._devices import set_up_jax

    set_up_jax(short=order.short, cpus=order.cpus)
    from ._block import Surroundings, train_block
    from ._console import make_console
    from ._display import make_display
    from ._jax_settings import fixed_settings
    from ._jobs import Block, wanted_seeds
    from ._load import load_config
    from ._progress import Reporter
    from ._specs_tracking import TrackingSpec
    from ._store import Store
    from ._tracking import Trackers

    (cell,) = load_config(orders.file(order.name)).cells
    block, store = Block(cell, tuple(wanted_seeds(cell))), Store(order.store)
    if block.name != order.name:
        raise RuntimeError(
            f"asked for {order.name}, but this worker's tpo-runs makes {block.name} of its config; "
            "install the same version there"
        )
    if store.block(cell.key, block.seeds) is not None:
        return
    reporter = Reporter(make_display(make_console()), 1, cell.schedule.steps)
    trackers = Trackers(TrackingSpec(), store, reporter.warn)
    stop = StopWhenUnwanted(orders, order.name)
    with fixed_settings():
        around = Surroundings(store, reporter, stop, trackers)
        train_block(block, _compiled(block, Path(order.config)), around)


def _compiled(block: "Block", config: Path) -> "Compiled":
    from ._devices import let_go_of_programs
    from ._jobs import compile_block

    key = (*block.program, config)
    if key not in _programs:
        _programs.clear()
        let_go_of_programs()
        _programs[key] = compile_block(block, config)
    return _programs[key]
