"""`python -m tpo_runs`, the same as `tpo-runs`."""

import sys

from ._cli import main

if __name__ == "__main__":
    sys.exit(main())
