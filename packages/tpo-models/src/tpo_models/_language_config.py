"""The sizes of a language model."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class LanguageModelConfig:
    """The architecture of a language model of the Llama family.

    **Arguments:**

    - `vocab_size`: tokens are `0 .. vocab_size - 1`.
    - `width`: length of the vectors between layers.
    - `layers`: number of layers.
    - `heads`: number of query heads.
    - `kv_heads`: number of key and value heads; must divide `heads`.
    - `head_dim`: length of a head's vectors, even.
    - `mlp_width`: length of the hidden vectors of the MLPs.
    - `rope_base`: base of the rotary embedding's angles.
    - `norm_eps`: the number that RMSNorm adds to the mean square.
    - `tied_head`: whether the head is the token embedding.
    - `qk_norms`: whether RMSNorm is applied to the queries and keys of each head, as in Qwen3.
    - `qkv_biases`: whether queries, keys and values have biases, as in Qwen2.
    - `positions`: the maximum number of tokens in a prompt and its answer together.

    **Raises:** `ValueError` if a size is below 1, `kv_heads` does not divide `heads`, `head_dim` is odd, or
    `rope_base` or `norm_eps` is not a finite number above 0.

    >>> config = LanguageModelConfig(
    ...     vocab_size=99, width=8, layers=2, heads=4, kv_heads=2, head_dim=2, mlp_width=16
    ... )
    >>> config.tied_head, config.positions
    (True, 2048)

    Source: arXiv 2302.13971 (Llama), 2305.13245 (grouped queries), 2407.10671 (Qwen2), 2505.09388 (Qwen3).
    """

    vocab_size: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp_width: int
    rope_base: float = 10_000.0
    norm_eps: float = 1e-5
    tied_head: bool = True
    qk_norms: bool = False
    qkv_biases: bool = False
    positions: int = 2048

    def __post_init__(self):
        sizes = ("vocab_size", "width", "layers", "heads", "kv_heads", "head_dim", "mlp_width", "positions")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at least 1")
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads is {self.kv_heads}, which does not divide heads {self.heads}")
        if self.head_dim % 2:
            raise ValueError(f"head_dim is {self.head_dim}, but rotary embeddings need an even number")
        for name in ("rope_base", "norm_eps"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be above 0 and finite")
