"""`python -m tpo_runs`, the same as `tpo-runs`."""

from ._cli import program

if __name__ == "__main__":
    program()
