"""What is noted about where a result comes from, by name; without JAX, which reports do not need."""

# As they are told.
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
# What the bits of a result may depend on: all but the commit, which changes with every note in a document.
BITS = tuple(name for name in FACTS if name != "git")
