"""Draw the test error on MNIST against training steps, from a stored run.

tpo-runs configs/mnist.toml
python scripts/plot_mnist.py results/mnist figures/hero_mnist
"""

import argparse
from pathlib import Path

from tpo_runs import Store, learning_curves, save_figure

RAW = argparse.RawDescriptionHelpFormatter
METHODS = ["TPO", "DG", "PG", "GRPO", "CE"]


def main() -> None:
    """Draw what the store named on the command line holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("store", type=Path, help="the output directory of configs/mnist.toml")
    parser.add_argument("figure", type=Path, help="path of the figure without an ending")
    arguments = parser.parse_args()
    results = [result for result in Store(arguments.store).results() if result.method in METHODS]
    figure = learning_curves(
        results, metric="test_error", log_y=True, floor=0.01, title="MNIST, told only right or wrong"
    )
    for path in save_figure(figure, arguments.figure):
        print(path)


if __name__ == "__main__":
    main()
