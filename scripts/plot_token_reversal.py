"""Draw the error of sparse token reversal against episodes, from a stored run.

tpo-runs configs/transformer_rlvr.toml
python scripts/plot_token_reversal.py results/transformer_rlvr figures/hero_token_reversal
"""

import argparse
from pathlib import Path

from tpo_runs import Store, learning_curves, save_figure

RAW = argparse.RawDescriptionHelpFormatter
EPISODES_AVERAGED = 10


def main() -> None:
    """Draw what the store named on the command line holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("store", type=Path, help="the output directory of configs/transformer_rlvr.toml")
    parser.add_argument("figure", type=Path, help="path of the figure without an ending")
    arguments = parser.parse_args()
    results = Store(arguments.store).results()
    horizon = results[0].spec["task"]["horizon"]
    figure = learning_curves(
        results, smooth=EPISODES_AVERAGED, title=f"Reversing {horizon} tokens for one reward at the end"
    )
    for path in save_figure(figure, arguments.figure):
        print(path)


if __name__ == "__main__":
    main()
