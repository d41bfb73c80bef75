"""What is noted about where a result was computed."""

import platform

import jax
import pytest

from tpo_runs._run import changes, processor, provenance

LISTING = """processor\t: 0
model name\t: A CPU @ 2.4 GHz
flags\t\t: fpu sse2 {flags}

processor\t: 1
model name\t: A CPU @ 2.4 GHz
flags\t\t: fpu sse2 {flags}
"""


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("avx avx2 avx512f avx512bw", "A CPU @ 2.4 GHz, AVX-512"),
        ("avx avx2", "A CPU @ 2.4 GHz, AVX2"),
        ("avx", "A CPU @ 2.4 GHz, AVX"),
        ("", "A CPU @ 2.4 GHz"),
    ],
)
def test_a_processor_is_named_with_its_widest_vectors(tmp_path, flags, words):
    listing = tmp_path / "cpuinfo"
    listing.write_text(LISTING.format(flags=flags))
    assert processor(listing) == words


@pytest.mark.parametrize("content", [None, "Features: fp asimd\n"])
def test_a_processor_that_linux_does_not_name_is_named_by_its_architecture(tmp_path, monkeypatch, content):
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    if content:
        (tmp_path / "cpuinfo").write_text(content)
    assert processor(tmp_path / "cpuinfo") == "aarch64"


def test_another_processor_is_told_since_bits_may_depend_on_it():
    now = provenance()
    assert now["processor"]
    assert changes({**now, "processor": "Another CPU, AVX"}, now) == [
        f"processor Another CPU, AVX, now {now['processor']}"
    ]


def test_the_precision_of_matrix_products_is_told_where_it_is_another():
    before = provenance()
    assert before["matmul_precision"] is None
    jax.config.update("jax_default_matmul_precision", "highest")
    try:
        assert changes(before, provenance()) == ["matmul_precision unknown, now highest"]
    finally:
        jax.config.update("jax_default_matmul_precision", None)
