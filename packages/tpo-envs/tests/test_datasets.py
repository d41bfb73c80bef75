"""Data sets by name, the digits that come with scikit-learn, and MNIST by way of the `datasets` library."""

import http.server
import socket
import sys
import threading

import numpy as np
import pytest

from tpo_envs import DATASETS, ClassificationBandit, DatasetError, load_dataset


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("TPO_MNIST_DIR", raising=False)


def error_of(name, **options):
    with pytest.raises(DatasetError) as caught:
        load_dataset(name, **options)
    message = str(caught.value)
    assert message.count("\n") == 0
    return message


@pytest.mark.parametrize(
    ("name", "nearest"), [("mnits", "mnist"), ("MNIST", "mnist"), ("digit", "digits"), ("imagenet-21k", None)]
)
def test_an_unknown_name_gets_the_choices_and_the_nearest(name, nearest):
    message = error_of(name)
    assert f"unknown dataset '{name}': allowed: mnist, digits" in message
    assert ("did you mean" in message) == (nearest is not None)
    if nearest:
        assert message.endswith(f"did you mean '{nearest}'?")


def test_the_choices():
    assert list(DATASETS) == ["mnist", "digits"]


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return load_dataset("digits")


def test_digits_are_the_images_of_scikit_learn(digits):
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = np.concatenate([digits.train_images, digits.test_images])
    assert images.shape == (1797, 64)
    assert images.dtype == np.uint8
    assert np.concatenate([digits.train_labels, digits.test_labels]).tolist() == raw.target.tolist()
    # 17 grey values, stretched over the whole range and still in order.
    np.testing.assert_allclose(images / 255, raw.data / 16, atol=0.5 / 255)
    assert np.unique(images).size == 17
    assert (images.min(), images.max()) == (0, 255)


def test_the_digits_split_is_fixed(digits):
    assert digits.train_labels.shape == (1437,)
    assert digits.test_labels.shape == (360,)
    assert digits.train_labels[:10].tolist() == list(range(10))
    assert digits.test_labels[-3:].tolist() == [8, 9, 8]
    assert np.bincount(digits.test_labels).tolist() == [35, 36, 35, 37, 37, 37, 37, 36, 33, 37]
    assert (digits.num_classes, digits.name) == (10, "digits")


def test_digits_make_a_bandit(digits):
    task = ClassificationBandit(digits.train_images, digits.train_labels, digits.num_classes)
    contexts = task.all_contexts()
    assert (contexts.inputs.min(), contexts.inputs.max()) == (0, 1)
    assert task.random_score == 0.1


def test_digits_are_read_from_no_directory(tmp_path):
    assert "leave it out" in error_of("digits", directory=tmp_path)


def test_digits_without_scikit_learn_name_the_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert "pip install 'tpo-envs[digits]'" in error_of("digits")


def test_mnist_without_a_copy_or_a_library_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    message = error_of("mnist")
    for fix in ("TPO_MNIST_DIR", "pip install 'tpo-envs[mnist]'", "'digits'"):
        assert fix in message


@pytest.fixture
def library(tmp_path, monkeypatch):
    """The `datasets` library with an empty cache and nobody at its Hub's address."""
    library = pytest.importorskip("datasets")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(library.config, "HF_ENDPOINT", closed_address())
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", False)
    library.disable_progress_bars()
    yield library
    library.enable_progress_bars()


def closed_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_mnist_without_a_connection_or_a_cached_copy_says_what_to_do(library):
    message = error_of("mnist")
    assert f"without a connection to {library.config.HF_ENDPOINT}" in message
    for fix in ("connect once", "TPO_MNIST_DIR", "'digits'"):
        assert fix in message
    assert library.config.HF_HUB_OFFLINE is False


def test_mnist_with_the_datasets_library(library, tmp_path, monkeypatch):
    image_module = pytest.importorskip("PIL.Image")
    copy = tmp_path / "copy"
    copy.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    labels = [3, 1, 4, 1, 5]
    features = library.Features({"image": library.Image(), "label": library.ClassLabel(num_classes=10)})
    for part, rows in (("train", slice(0, 3)), ("test", slice(3, 5))):
        pictures = [image_module.fromarray(image) for image in images[rows]]
        split = library.Dataset.from_dict({"image": pictures, "label": labels[rows]}, features=features)
        split.to_parquet(copy / f"{part}-00000-of-00001.parquet")
    asked = []

    def load_local_copy(repository, name):
        asked.append((repository, name))
        return original(str(copy))

    original = library.load_dataset
    monkeypatch.setattr(library, "load_dataset", load_local_copy)
    data = load_dataset("mnist", verify=False)
    assert asked == [("ylecun/mnist", None)]
    np.testing.assert_array_equal(data.train_images, images[:3].reshape(3, 12))
    np.testing.assert_array_equal(data.test_images, images[3:].reshape(2, 12))
    assert data.train_labels.tolist() == [3, 1, 4]
    assert data.test_labels.tolist() == [1, 5]
    assert "ylecun/mnist (train): the train images differ from MNIST" in error_of("mnist")


class NotFound(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


def test_any_answer_counts_as_a_connection():
    from tpo_envs._hub import _answers

    with http.server.HTTPServer(("127.0.0.1", 0), NotFound) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            assert _answers(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_a_refusal_and_silence_are_no_connection(monkeypatch):
    from tpo_envs import _hub

    monkeypatch.setattr(_hub, "_CONNECT_SECONDS", 0.1)
    assert not _hub._answers(closed_address())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not _hub._answers(f"http://127.0.0.1:{silent.getsockname()[1]}")
