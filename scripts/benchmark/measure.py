"""Worker: one case of the benchmark.

Its first answer has the seconds until it was compiled and the learning curve, every further one the seconds
of one episode of all seeds, or of one part of it.
"""

import json
import resource
import sys
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from tpo_runs import build_policy, build_trainer, initial_state, train
from tpo_runs._learn import reduce
from tpo_runs._run import set_up_jax

from .cases import ROOT, Case
from .worker import serve

ROUND_SECONDS = 1.0
STEPS = 100_000

sys.path.insert(0, str(ROOT / "packages" / "tpo-models" / "tests"))
import naive_transformer  # noqa: E402


class NaivePolicy(eqx.Module):
    """A transformer's parameters behind the interface of a policy, with nothing shared and nothing cached."""

    transformer: eqx.Module

    def sample(self, key, prompts, candidates):
        return naive_transformer.sample(self.transformer, key, prompts, candidates)

    def log_probs(self, prompts, answers):
        return naive_transformer.log_probs(self.transformer, prompts, answers)

    def answer_log_softmax(self, prompts, answers):
        return naive_transformer.answer_log_softmax(self.transformer, prompts, answers)


def episodes(case, trainer, make_policy):
    """Whole episodes, trained as `tpo-runs` trains them."""
    seeds = jnp.arange(case.seeds)
    began = time.perf_counter()
    state = initial_state(trainer, make_policy, seeds)
    chunks = (chunk for _, chunk in train(trainer, state, seeds, STEPS, chunk_seconds=ROUND_SECONDS))
    seen = [next(chunks)]
    first = time.perf_counter() - began
    wanted = -(-case.curve // case.seeds)
    seen.append(next(chunks))
    while seen[-1].stop < max(wanted, case.after):
        seen.append(next(chunks))
    curve = {
        name: np.concatenate([chunk.metrics[name][0] for chunk in seen])[:wanted].tolist()
        for name in ("error", "loss")
    }
    yield {"compile_seconds": first - _seconds(seen[-1]), "curve": curve if case.curve else None}
    for chunk in chunks:
        yield {"seconds": _seconds(chunk)}


def _seconds(chunk):
    return chunk.seconds / (chunk.stop - chunk.start)


def part(case, trainer, make_policy):
    """A part of an episode, repeated inside one compiled loop.

    Called alone from Python, a part would get fresh memory for its temporaries every time and pay for it.
    """
    policy_key, key = jax.random.split(jax.random.key(0))
    policy = eqx.filter_jit(make_policy)(policy_key)
    body, carry = {"sampling": _sampling, "gradient": _gradient, "optimizer": _optimizer}[case.part](
        trainer, policy, key
    )
    loop = jax.jit(lambda carry, times: jax.lax.fori_loop(0, times, body, carry))

    def seconds(times):
        began = time.perf_counter()
        jax.block_until_ready(loop(carry, times))
        return time.perf_counter() - began

    first, once, twice = seconds(1), seconds(1), seconds(2)
    times = max(1, round(ROUND_SECONDS / max(twice - once, twice / 4)))
    yield {"compile_seconds": first - once, "curve": None}
    while True:
        yield {"seconds": seconds(times) / times}


# The bodies return what depends on everything that they compute: the compiler drops what nobody reads.


def _sampling(trainer, policy, key):
    def body(i, carry):
        policy, total = carry
        batch, _ = trainer.rollout.draw(policy, None, jax.random.fold_in(key, i))
        return policy, total + sum(jnp.sum(leaf.astype(jnp.float32)) for leaf in jax.tree.leaves(batch))

    return body, (policy, jnp.float32(0))


def _gradient(trainer, policy, key):
    def body(_, carry):
        policy, batch = carry
        gradient = jax.grad(lambda p: _loss(trainer, p, batch))(policy)
        return jax.tree.map(lambda leaf, g: leaf - 1e-6 * g, policy, gradient), batch

    return body, (policy, jax.jit(trainer.rollout.draw)(policy, None, key)[0])


def _optimizer(trainer, policy, key):
    batch, _ = jax.jit(trainer.rollout.draw)(policy, None, key)
    gradient = jax.jit(jax.grad(lambda p, batch: _loss(trainer, p, batch)))(policy, batch)

    def body(_, carry):
        policy, state, gradient = carry
        updates, state = trainer.optimizer.update(gradient, state, policy)
        return eqx.apply_updates(policy, updates), state, gradient

    return body, (policy, trainer.optimizer.init(policy), gradient)


def _loss(trainer, policy, batch):
    logp = trainer.rollout.log_probs(policy, batch)
    return reduce(batch.losses(trainer.objective, logp), batch)


def peak_bytes():
    """The most memory that this process has held: of the GPU where it trains on one."""
    on_device = jax.local_devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in on_device:
        return on_device["peak_bytes_in_use"]
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main():
    case = Case(**json.loads(sys.argv[1]))
    set_up_jax()
    trainer, make = build_trainer(case.cell), build_policy(case.cell)
    make_policy = (lambda key: NaivePolicy(make(key))) if case.naive else make
    measure = episodes if case.part == "episode" else part
    serve({**answer, "peak_bytes": peak_bytes()} for answer in measure(case, trainer, make_policy))


if __name__ == "__main__":
    main()
