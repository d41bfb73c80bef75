"""The floating-point operations that training a causal transformer cannot do without."""

from typing import NamedTuple

NEWTON_SCHULZ_STEPS = 5


class Shape(NamedTuple):
    """The sizes that the count depends on; `candidates` are the answers written to each prompt."""

    prompts: int
    candidates: int
    horizon: int
    vocab_size: int
    width: int
    layers: int
    heads: int


def forward_flop(shape: Shape) -> int:
    """The matrix products of one forward pass, multiplications and additions counted apart.

    With `d` the width, `h` the horizon, and `2 d^2` for one `d x d` product at one position:

    - a position of a block takes 12 such products: queries, keys, values and output, and 8 for the MLP;
    - attention over `n` positions takes `4 d n`: the scores and the weighted sum, of all heads together;
    - a predicted token takes `2 d vocab`.

    A prompt is read once, whatever its number of candidates. Of its last block only keys and values are
    needed everywhere (2 of the 12 products), and the rest at its end, which predicts the first token. An
    answer's last token is never read, so `h - 1` positions are. Position `t` of an answer, counted from 1,
    attends to the prompt and to `t` positions of its own. Looking up embeddings, LayerNorm, softmax and GELU
    are not counted.
    """
    d, h, layers = shape.width, shape.horizon, shape.layers
    product = 2 * d * d
    prompt = (
        layers * h * 2 * product
        + ((layers - 1) * h + 1) * 10 * product
        + 4 * d * ((layers - 1) * h * (h + 1) // 2 + h)
        + 2 * d * shape.vocab_size
    )
    read = h - 1
    answer = (
        layers * read * 12 * product
        + layers * 4 * d * (read * h + read * h // 2)
        + read * 2 * d * shape.vocab_size
    )
    return shape.prompts * (prompt + shape.candidates * answer)


def optimizer_flop(shape: Shape) -> int:
    """Muon's five Newton-Schulz steps on every matrix.

    A step on an `m x n` matrix with `m <= n` forms the Gram matrix, its square, and a product with the
    matrix: `2 m^2 n + 2 m^3 + 2 m^2 n`.
    """
    d, heads = shape.width, shape.heads
    matrices = [(shape.vocab_size, d), (2 * shape.horizon, d), (d, shape.vocab_size)]
    matrices += shape.layers * [(d, 4 * d), (4 * d, d), *(3 * [(heads, d // heads)])]
    total = 0
    for sizes in matrices:
        m, n = sorted(sizes)
        total += NEWTON_SCHULZ_STEPS * (4 * m * m * n + 2 * m**3)
    return total


def necessary_flop(shape: Shape, epochs: int, part: str = "episode") -> int:
    """What an episode of one seed, or a part of it, cannot do without.

    - "sampling": one forward pass, since decoding with a cache reads every position once;
    - "gradient": one epoch's forward pass, and a backward pass of twice as much;
    - "optimizer": see `optimizer_flop`;
    - "episode": sampling and `epochs` gradients. The optimizer is left out: it does not grow with the batch.
    """
    forward = forward_flop(shape)
    return {
        "sampling": forward,
        "gradient": 3 * forward,
        "optimizer": optimizer_flop(shape),
        "episode": (1 + 3 * epochs) * forward,
    }[part]
