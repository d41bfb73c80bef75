"""Clipping of gradients, and schedules of the learning rate."""

import optax


def clipped(optimizer: optax.GradientTransformation, max_norm: float) -> optax.GradientTransformation:
    r"""An optimizer that clips the norm of gradients: `g min(1, max_norm / |g|)`.

    **Arguments:**

    - `optimizer`: any transformation.
    - `max_norm`: the maximum Euclidean norm of a gradient over all parameters, above 0.
    """
    return optax.chain(optax.clip_by_global_norm(max_norm), optimizer)


def scheduled(
    optimizer: optax.GradientTransformation, *, updates: int, warmup: int, decay: str
) -> optax.GradientTransformation:
    r"""An optimizer with warmup and decay of the learning rate.

    $$\eta_t = \eta \cdot \begin{cases} t / w & t < w \\ d((t - w) / (n - w)) & t \ge w \end{cases}$$

    in update `t = 0, ..., n - 1`. The decay `d(x)` is 1 for "constant", `1 - x` for "linear" and
    `(1 + cos(pi x)) / 2` for "cosine".

    **Arguments:**

    - `optimizer`: a transformation whose updates are proportional to its learning rate, which is constant.
    - `updates`: `n`, the number of updates in the whole run.
    - `warmup`: `w`, updates in which the learning rate rises linearly from 0, at least 0 and below `updates`.
        The first update changes nothing.
    - `decay`: "constant", "linear" or "cosine".

    **Returns:** the transformation; without warmup and decay, `optimizer` itself.
    """
    if not warmup and decay == "constant":
        return optimizer
    factor = {
        "constant": optax.constant_schedule(1.0),
        "linear": optax.linear_schedule(1.0, 0.0, updates - warmup),
        "cosine": optax.cosine_decay_schedule(1.0, updates - warmup),
    }[decay]
    if warmup:
        factor = optax.join_schedules([optax.linear_schedule(0.0, 1.0, warmup), factor], [warmup])
    return optax.chain(optimizer, optax.scale_by_schedule(factor))
