"""The benchmark's count of operations, its statistics and its comparison of two runs; nothing is timed."""

import dataclasses
import json
import sys
from pathlib import Path

import bench
import bench_scaling
import pytest
from benchmark.cases import PARTS, SPARSE, TOKENS, Case, all_cases, quick_cases
from benchmark.compare import comparison, curve_differences, tolerance, unmatched
from benchmark.flops import Shape, forward_flop, necessary_flop, optimizer_flop
from benchmark.report import notes, report
from benchmark.results import Results, ResultsError, Row, Spread, read, write
from benchmark.startup import startup_lines
from rich.console import Console

ROOT = Path(__file__).parents[1]

ONE = Shape(prompts=1, candidates=1, horizon=2, vocab_size=3, width=2, layers=1, heads=1)


def row(name="TPO sparse", seeds=1, seconds=(0.2, 0.1, 0.3), curve=None, rates=(200.0, 400.0), **changes):
    values = {"flop": 10**10, "compile_seconds": 5.0, "peak_bytes": 10**9, "answers": 800, **changes}
    return Row(name=name, seeds=seeds, seconds=list(seconds), rates=list(rates), curve=curve, **values)


def results(*rows):
    machine = {"processor": "a processor"}
    return Results(machine, list(rows), one_core=[100.0], startup={"tpo-runs --help": [0.3, 0.2, 0.4]})


def text_of(table):
    console = Console(width=250)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_operations_of_one_block_counted_by_hand():
    # One 2 x 2 product at one position: 8 operations.
    prompt = 2 * 2 * 8  # keys and values of both positions
    prompt += 10 * 8  # query, output and MLP (four times as wide, twice) at its end
    prompt += 2 * 2 * 2 * 2  # its end attends to 2 positions of width 2: scores, then the weighted sum
    prompt += 2 * 2 * 3  # the head for the first token
    answer = 12 * 8  # the first token is read, the second only predicted
    answer += 2 * 2 * 2 * 3  # it attends to the prompt and to itself
    answer += 2 * 2 * 3  # the head for the second token
    assert forward_flop(ONE) == prompt + answer == 272


def by_position(shape):
    """The same count, walking over every position of every sequence."""
    total, d = 0, shape.width
    for layer in range(shape.layers):
        for position in range(2 * shape.horizon - 1):
            in_prompt = position < shape.horizon
            copies = shape.prompts * (1 if in_prompt else shape.candidates)
            total += copies * 2 * 2 * d * d  # keys, values
            unread = layer == shape.layers - 1 and position < shape.horizon - 1
            if not unread:
                total += copies * (2 * 2 * d * d + 2 * 2 * d * 4 * d + 2 * 2 * d * (position + 1))
    predicted = shape.prompts * (1 + shape.candidates * (shape.horizon - 1))
    return total + predicted * 2 * d * shape.vocab_size


@pytest.mark.parametrize("horizon", [1, 2, 7])
@pytest.mark.parametrize("layers", [1, 3])
def test_operations_equal_a_count_position_by_position(horizon, layers):
    shape = Shape(5, 4, horizon, vocab_size=3, width=8, layers=layers, heads=2)
    assert forward_flop(shape) == by_position(shape)


def test_an_episode_samples_once_and_takes_a_gradient_in_every_epoch():
    assert necessary_flop(ONE, 4, "sampling") == 272
    assert necessary_flop(ONE, 4, "gradient") == 3 * 272
    assert necessary_flop(ONE, 4) == 272 + 4 * 3 * 272


def test_operations_of_the_optimizer_counted_by_hand():
    def steps(m, n):
        return 5 * (2 * m * m * n + 2 * m * m * m + 2 * m * m * n)

    # Token table 3 x 2, positions 4 x 2, head 2 x 3, MLP 2 x 8 and 8 x 2, three biases 1 x 2.
    expected = steps(2, 3) + steps(2, 4) + steps(2, 3) + 2 * steps(2, 8) + 3 * steps(1, 2)
    assert optimizer_flop(ONE) == necessary_flop(ONE, 4, "optimizer") == expected


def test_the_cases_are_the_papers_settings():
    cases = {case.key: case for case in all_cases([1, 4, 20])}
    assert len(cases) == 6 * 3 + 3 * len(PARTS) + 1 + 4
    sparse, tokens = cases["TPO sparse, 4 seeds"], cases["GRPO tokens, 1 seed"]
    assert sparse.shape == Shape(100, 8, 10, 2, 64, 2, 2)
    assert tokens.shape == cases["PPO, 20 seeds"].shape == Shape(100, 1, 10, 2, 64, 2, 2)
    assert (sparse.config, tokens.config) == (SPARSE, TOKENS)
    assert cases["DG, 1 seed"].flop == 4 * forward_flop(tokens.shape)
    assert sparse.flop == 13 * forward_flop(sparse.shape)
    assert {case.key for case in quick_cases()} <= cases.keys()


def test_milliseconds_operations_and_shares_are_those_of_one_seed():
    measured = row(seeds=4, seconds=[0.4, 0.8, 1.6])
    assert measured.milliseconds == Spread(median=200.0, low=100.0, high=400.0)
    assert measured.gflops == pytest.approx(50)
    assert measured.share == pytest.approx(50 / 300)


def test_results_are_read_as_they_were_written(tmp_path):
    written = results(row(curve={"error": [0.5], "loss": [2.0]}), row("DG", again_seconds=1.0))
    write(written, tmp_path / "new" / "a.json")
    assert read(tmp_path / "new" / "a.json") == written


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("{", "no results of the benchmark"),
        ("[]", "no results of the benchmark"),
        ('{"format": 1}', "no results of the benchmark"),
        ('{"format": 0}', "another version"),
    ],
)
def test_a_file_without_results_is_named(content, message, tmp_path, capsys, monkeypatch):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ResultsError, match=message):
        read(path)
    monkeypatch.setattr(sys, "argv", ["bench.py", "--compare", str(path), str(path)])
    assert bench.main() == 2
    assert capsys.readouterr().err.count("\n") == 1


NOISY = [0.50, 0.52, 0.49, 0.51, 0.48, 0.50]


@pytest.mark.parametrize(
    ("episode", "by", "same"),
    [
        (0, 1 / 800, True),  # one answer drawn otherwise
        (0, 0.01, False),
        (3, 0.05, True),  # within the noise of the curve
        (3, 0.30, False),
        (2, float("nan"), False),
    ],
)
def test_a_learning_curve_may_differ_by_its_own_noise(episode, by, same):
    moved = list(NOISY)
    moved[episode] += by
    old, new = row(curve={"error": NOISY}), row(curve={"error": moved})
    differences = curve_differences(old, new)
    assert (differences == []) == same
    assert same or f"error of episode {episode} is" in differences[0]


def test_a_curve_without_noise_allows_two_answers_only():
    assert tolerance([0.5, 0.5, 0.5], answers=100) == pytest.approx([0.02] * 3)
    assert tolerance([4.0], answers=100) == pytest.approx([0.08])


def test_curves_are_compared_as_far_as_both_go():
    long, short = row(curve={"loss": [1.0, 1.0, 9.0]}), row(curve={"loss": [1.0, 1.0]})
    assert curve_differences(short, long) == curve_differences(row(), long) == []


def test_two_runs_side_by_side(tmp_path, capsys, monkeypatch):
    old = results(row(curve={"error": NOISY}), row("PPO"))
    new = results(
        row(seconds=[0.05, 0.04, 0.06], rates=[600.0], curve={"error": [0.9] * 6}), row("DG", seeds=4)
    )
    line = next(line for line in text_of(comparison(old, new)).splitlines() if "TPO sparse" in line)
    cells = [cell.strip() for cell in line.split("│")]
    assert cells[2:6] == ["200 (100 to 300)", "50 (40 to 60)", "4.00", "2.00"]
    assert "error of episode 0 is 0.9, was 0.5" in cells[8]
    assert unmatched(old, new) == ["only before: PPO, 1 seed", "only after: DG, 4 seeds"]

    paths = [tmp_path / "old.json", tmp_path / "new.json"]
    for measured, path in zip((old, new), paths, strict=True):
        write(measured, path)
    for before, after, code in ((*paths, 1), (paths[0], paths[0], 0)):
        monkeypatch.setattr(sys, "argv", ["bench.py", "--compare", str(before), str(after)])
        assert bench.main() == code
        assert ("these times do not count: TPO sparse, 1 seed" in capsys.readouterr().out) == bool(code)


def test_the_report_names_times_rates_and_the_naive_transformer():
    fast = row(curve={"error": NOISY}, again_seconds=1.25)
    slow = dataclasses.replace(fast, name="TPO sparse, naive", seconds=[2.0])
    table = text_of(report(results(fast, slow)))
    for text in ("200", "100 to 300", "50", "17%", "5.0", "1.2", "1000"):
        assert text in table
    below = "\n".join(notes(results(fast, slow)))
    assert "all cores: 300 GFLOP/s (200 to 400)" in below
    assert "TPO sparse, 1 seed: 10.0 times as fast as naive" in below
    assert "the same as with the naive transformer" in below
    assert startup_lines({"x": [3.0, 1.0, 2.0]}) == ["x: 2.00 s (1.00 to 3.00)"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "nothing"], "no such case; names: DG, "),
        (["--seeds", "0"], "--seeds"),
        (["--rounds", "0"], "expected 1 or more"),
    ],
)
def test_wrong_arguments_of_the_benchmark_are_named(words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        bench.parse(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_cases_survive_the_way_to_their_process():
    case = Case("TPO", SPARSE, "TPO", overrides=(("policy.width", "128"),))
    sent = Case(**json.loads(json.dumps(dataclasses.asdict(case))))
    assert sent.shape.width == 128
    assert sent.flop == case.flop


def test_the_scaling_exponent_of_a_power_law():
    assert bench_scaling.exponent([1, 2, 4, 8], [3 * x**1.5 for x in (1, 2, 4, 8)]) == pytest.approx(1.5)
    assert bench_scaling.exponent([4], [1.0]) is None


def test_the_points_of_the_scaling_curves():
    assert (
        bench_scaling.parse_points("seeds=1,2 width=64").items() >= {"seeds": [1, 2], "width": [64]}.items()
    )
    for words in ("depth=1", "seeds", "seeds=x", "seeds=0"):
        with pytest.raises(ValueError, match="expected"):
            bench_scaling.parse_points(words)
    for axis, values in bench_scaling.AXES.items():
        for value in values:
            assert bench_scaling.case_at(axis, value).flop > 0


@pytest.mark.slow
def test_the_scaling_figure_is_drawn(tmp_path):
    points = {
        f"{axis}={v}": [0.1 * v, 0.2 * v] for axis, values in bench_scaling.AXES.items() for v in values
    }
    png, pdf = bench_scaling.draw(points, tmp_path / "scaling")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
