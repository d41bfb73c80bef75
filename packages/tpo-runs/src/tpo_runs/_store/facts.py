"""The names of the facts in a provenance; without JAX, which reports do not need."""

# In the order in which reports show them.
FACTS = (
    "versions",
    "python",
    "platform",
    "processor",
    "devices",
    "cpu_count",
    "xla_flags",
    "matmul_precision",
    "environment",
    "git",
    "objective",
    "data",
)
# The facts that the bits of a result may depend on: all but the commit, which changes with every document.
BITS = tuple(name for name in FACTS if name != "git")
