"""What `scripts/bench.py` and `scripts/bench_scaling.py` are made of.

The scripts never import JAX: what is timed runs in a process of its own, which `worker.py` starts and asks.
"""
