"""TPO for PyTorch has the values and the gradients of TPO for JAX: `nox -s adapters`."""

import doctest
import inspect
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tpo_objectives

pytestmark = pytest.mark.adapters
if "torch" not in os.environ.get("TPO_ADAPTERS_REQUIRED", ""):
    pytest.importorskip("torch")

ANCHORS = [True, False, "sum", "mean", "ratio", "capped", "tempered", "none"]
# "mean" needs tokens to count.
CASES = [(kind, a) for kind in ("answers", "tokens") for a in ANCHORS if (kind, a) != ("answers", "mean")]
OPTIONS = {
    "plain": {},
    "colder": {"eta": 0.3},
    "floor": {"std_floor": 0.5},
    "shrinkage": {"std_shrinkage": 0.5},
    "cap": {"cap": 0.4},
}


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


def groups(kind, dtype):
    """Log-probs, old log-probs, scores and a mask of four groups of four candidates."""
    rng = np.random.default_rng(3)
    old_logp = np.log(rng.uniform(0.05, 0.95, size=(4, 4, 5)))
    logp = old_logp + 0.4 * rng.normal(size=old_logp.shape)
    scores = rng.uniform(size=(4, 4))
    scores[0] = 0.7  # tells no candidate apart
    lengths = np.array([[5, 5, 5, 5], [3, 0, 5, 1], [0, 0, 4, 0], [0, 0, 0, 0]])
    where = np.arange(5) < lengths[..., None]
    if kind == "answers":
        logp, old_logp, where = logp[..., 0], old_logp[..., 0], where[..., 0]
    logp[~where] = np.nan  # which does not exist
    return *(x.astype(dtype) for x in (logp, old_logp, scores)), where


def in_jax(name, arrays, where, **options):
    """The value, and the gradient of the sum in the first argument."""
    where = None if where is None else jnp.asarray(where)

    def call(*arrays):
        return getattr(tpo_objectives, name)(*arrays, where=where, **options)

    arrays = [jnp.asarray(x) for x in arrays]
    return call(*arrays), jax.grad(lambda *xs: call(*xs).sum())(*arrays)


def in_torch(name, arrays, where, **options):
    import torch

    import tpo_objectives.torch as ours

    where = None if where is None else torch.as_tensor(where)
    first, *rest = (torch.as_tensor(x) for x in arrays)
    first = first.clone().requires_grad_()
    value = getattr(ours, name)(first, *rest, where=where, **options)
    if value.requires_grad:
        value.sum().backward()
    return value.detach().numpy(), None if first.grad is None else first.grad.numpy()


def assert_same(kind, anchor, masked, dtype, tolerance=1e-6, **options):
    *arrays, where = groups(kind, dtype)
    if not masked:
        arrays, where = [np.nan_to_num(x, nan=-1.0) for x in arrays], None
    options = {"anchor": anchor, **options}
    wanted, gradient = in_jax("tpo", arrays, where, **options)
    value, ours = in_torch("tpo", arrays, where, **options)
    assert np.isfinite(value).all()
    assert np.abs(ours).max() > 0.01
    assert value.dtype == wanted.dtype == dtype
    np.testing.assert_allclose(value, wanted, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ours, gradient, rtol=tolerance, atol=tolerance)
    wanted, _ = in_jax("tpo_target", arrays[1:], where, **options)
    target, no_gradient = in_torch("tpo_target", arrays[1:], where, **options)
    np.testing.assert_allclose(target, wanted, rtol=tolerance, atol=tolerance)
    assert no_gradient is None


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize(("kind", "anchor"), CASES)
def test_each_anchor_has_the_loss_target_and_gradient_of_jax(kind, anchor, masked, dtype):
    assert_same(kind, anchor, masked, dtype)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
@pytest.mark.parametrize("anchor", ["sum", "ratio", "tempered"])
def test_each_option_does_what_it_does_in_jax(anchor, options, dtype):
    assert_same("tokens", anchor, True, dtype, **options)


@pytest.mark.parametrize("anchor", ["sum", "ratio"])
def test_the_temperature_of_a_wanted_divergence_is_that_of_jax(anchor, dtype):
    # In float32 the bisection stops where rounding does, which the target feels.
    assert_same("tokens", anchor, True, dtype, 1e-6 if dtype == "float64" else 1e-5, target_kl=0.2)


@pytest.mark.parametrize("anchor", ["sum", "ratio", "tempered"])
def test_an_impossible_answer_has_the_loss_and_the_gradient_of_jax(anchor, dtype):
    logp = np.array([[-1.0, -np.inf, -2.0], [-1.0, -2.0, -3.0]], dtype)
    scores = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.0]], dtype)
    arrays = [logp, logp, scores]
    wanted, gradient = in_jax("tpo", arrays, None, anchor=anchor)
    value, ours = in_torch("tpo", arrays, None, anchor=anchor)
    np.testing.assert_allclose(value, wanted, rtol=1e-6)
    np.testing.assert_allclose(ours, gradient, atol=1e-6)
    assert np.isfinite(ours[1]).all()


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_small_floats_are_computed_in_float32_and_come_back_in_their_dtype(name):
    import torch

    from tpo_objectives.torch import tpo

    *arrays, _ = groups("answers", "float32")
    small = [torch.as_tensor(np.nan_to_num(x, nan=-1.0)).to(getattr(torch, name)) for x in arrays]
    loss = tpo(*small)
    assert loss.dtype == small[0].dtype
    np.testing.assert_array_equal(loss.float(), tpo(*(x.float() for x in small)).to(loss.dtype).float())


def test_scores_whose_squares_overflow_teach_as_smaller_ones_do():
    logp, old_logp, scores, _ = groups("answers", "float32")
    arrays = [np.nan_to_num(logp, nan=-1.0), old_logp]
    _, large = in_torch("tpo", [*arrays, scores * np.float32(1e30)], None)
    _, usual = in_torch("tpo", [*arrays, scores], None)
    np.testing.assert_allclose(large[1:], usual[1:], atol=1e-6)


@pytest.mark.parametrize("name", ["tpo", "tpo_target"])
def test_wrong_input_is_refused_with_the_fix(name):
    import torch

    from tpo_objectives import torch as ours

    call = inspect.unwrap(getattr(ours, name))
    floats, more = torch.zeros(2, 3), [torch.zeros(2, 3)] if name == "tpo" else []
    with pytest.raises(TypeError, match=rf"^{name}: scores must be floating point.*scores\.float\(\)"):
        call(floats, *more, torch.ones(2, 3, dtype=torch.int64))
    with pytest.raises(TypeError, match=rf"^{name}: scores must be a torch.Tensor.*got ndarray"):
        call(floats, *more, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=rf"^{name}: .*scores \(prompts, candidates\), got .*\(2, 1\)"):
        call(floats, *more, torch.zeros(2, 1))
    with pytest.raises(ValueError, match=rf"^{name}: the last axis of scores .*at least one candidate"):
        call(*(torch.zeros(2, 0) for _ in [floats, *more, floats]))
    with pytest.raises(TypeError, match=rf"^{name}: where must be a tensor of bools.*where > 0"):
        call(floats, *more, floats, where=floats)
    with pytest.raises(ValueError, match=rf"^{name}: where must have the shape of logp"):
        call(floats, *more, floats, where=torch.ones(2, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match=rf'^{name}: anchor="mean" needs the lengths'):
        call(floats, *more, floats, anchor="mean")
    with pytest.raises(ValueError, match=rf"^{name}: anchor must be one of sum, mean"):
        call(floats, *more, floats, anchor="best")
    with pytest.raises(ValueError, match=rf"^{name}: eta must be finite and above 0, got 0"):
        call(floats, *more, floats, eta=0.0)
    with pytest.raises(TypeError, match=rf"^{name}: eta must be one number, got None"):
        call(floats, *more, floats, eta=None)
    with pytest.raises(ValueError, match=rf"^{name}: std_shrinkage must be from 0 to 1"):
        call(floats, *more, floats, std_shrinkage=1.5)


@pytest.mark.parametrize("name", ["tpo", "tpo_target"])
def test_the_examples_print_what_they_say(name):
    from tpo_objectives import torch as ours

    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(ours, name), name, globs={})
    assert example.examples
    lines = []
    assert doctest.DocTestRunner(verbose=False).run(example, out=lines.append).failed == 0, "".join(lines)
