"""The published numbers, and cells beside them."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

from tpo_runs import CellResult
from tpo_runs._paper import PaperNumber, compare, paper_numbers, paper_table, parse_paper_numbers
from tpo_runs._results import rank_test


def nested(flat):
    spec = {}
    for path, value in flat.items():
        section, key = path.split(".")
        spec.setdefault(section, {})[key] = value
    return spec


def cell(number, error, changes=None, metric=None, seeds=None):
    error = np.asarray(error, dtype=float)
    metrics = {"error": error, number.metric: error if metric is None else metric}
    spec = nested(number.where | (changes or {}))
    seeds = np.arange(len(error)) if seeds is None else seeds
    return CellResult(number.method, {}, spec, seeds, metrics, {})


def find(source, method, **label):
    label = {key.replace("__", "."): value for key, value in label.items()}
    found = [
        number
        for number in paper_numbers()
        if (number.source, number.method) == (source, method) and number.label == label
    ]
    return found[0]


def made(quantity="final_error_percent", **facts):
    base = {"source": "Table 0", "method": "TPO", "where": {"task.kind": "tokens"}, "label": {}}
    return PaperNumber.model_validate(
        {**base, "quantity": quantity, "rounding": 0.1, "seeds": 20, "steps": 10, **facts}
    )


MATCHABLE = [number for number in paper_numbers() if not number.unmatched]


# --- the numbers themselves ---


@pytest.mark.parametrize(
    ("source", "count"),
    [("Table 1", 16), ("Table 2", 32), ("Table 3, prompt-matched", 20), ("Table 3, interaction-matched", 20)],
)
def test_tables_are_whole(source, count):
    numbers = [number for number in paper_numbers() if number.source == source]
    assert len(numbers) == count
    assert len({(number.method, *number.label.items()) for number in numbers}) == count


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (find("Table 1", "TPO (token groups)", task__vocab_size=16), 102),
        (find("Table 1", "GRPO (token groups)", task__vocab_size=2), 904),
        (find("Table 1", "PPO", task__vocab_size=8), 191),
        (find("Table 2", "DG", task__reward="sequential", task__target="reverse_copy"), 515),
        (find("Table 2", "PPO", task__reward="bag_of_tokens", task__target="reverse_copy"), math.inf),
        (find("Table 3, prompt-matched", "GRPO", task__horizon=10), 50.4),
        (find("Table 3, interaction-matched", "TPO", task__horizon=10), 19.0),
        (find("Table 5", "TPO (token groups)", objective__eta=4.0), 0.8),
        (find("Section 3.3, Figure 4", "Group PG"), 7.2),
        (find("Section 4.2, Figure 12", "TPO", rollout__candidates=64), 0.36),
        (find("Section 4.3, Figure 15", "GRPO", schedule__epochs=2), 37.6),
    ],
)
def test_spot_checks_against_the_paper(number, value):
    assert number.value == value


def test_numbers_given_as_bounds_have_no_value():
    number = find("Table 3, prompt-matched", "DG", task__horizon=9)
    assert math.isnan(number.value)
    assert number.above == 95


def test_conditions_of_token_runs_are_a_valid_config():
    from tpo_runs._config import KINDS, PLAIN

    for number in MATCHABLE:
        if number.where.get("task.kind") != "tokens":
            continue
        spec = nested(number.where)
        spec["schedule"]["steps"] = number.steps
        models = {
            section: PLAIN.get(section) or KINDS[section][table["kind"]] for section, table in spec.items()
        }
        parsed = {section: models[section].model_validate(table) for section, table in spec.items()}
        assert number.matches({section: table.model_dump() for section, table in parsed.items()})


# --- matching ---


@pytest.mark.parametrize("number", MATCHABLE, ids=lambda n: f"{n.source}-{n.method}-{n.label}")
def test_a_run_of_just_these_conditions_matches_and_any_other_condition_does_not(number):
    assert number.matches(nested(number.where))
    for path, value in number.where.items():
        other = (
            (not value) if isinstance(value, bool) else "other" if isinstance(value, str) else 1.5 * value + 1
        )
        assert not number.matches(nested(number.where | {path: other})), path
        assert not number.matches(nested({p: v for p, v in number.where.items() if p != path})), path


def test_learning_rates_may_be_rounded():
    number = find(
        "Table 3, interaction-matched",
        "PPO",
        task__horizon=7,
        rollout__prompts=800,
        optimizer__learning_rate=0.0028284,
    )
    for rate in (2.8284271247e-3, 2.83e-3):
        assert number.matches(nested(number.where | {"optimizer.learning_rate": rate}))


def test_true_is_not_one():
    number = made(where={"objective.anchor": True}, value=1)
    assert not number.matches({"objective": {"anchor": 1}})


def test_prompt_and_interaction_matched_runs_of_single_samples_are_told_apart():
    sources = {
        number.source for number in compare_sources(find("Table 3, prompt-matched", "DG", task__horizon=7))
    }
    assert sources == {"Table 3, prompt-matched"}


def compare_sources(number):
    return [row.number for row in compare([cell(number, np.ones((2, 2000)))])]


def test_numbers_without_stated_conditions_are_never_compared():
    for number in paper_numbers():
        if number.unmatched:
            assert not number.matches(nested(number.where))


# --- verdicts ---

FINAL = np.tile(np.array([0.0, 0.0, 0.1, 0.3] * 3)[:, None], 10)  # mean 10%


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({"value": 10.0}, "agrees"),
        ({"value": 90.0}, "differs"),
        ({"above": 15.0}, "agrees"),
        ({"above": 95.0}, "differs"),
        ({"below": 5.0}, "agrees"),
        ({"below": 0.0}, "differs"),
        ({"value": math.inf}, "differs"),
    ],
)
def test_a_number_agrees_when_our_interval_holds_it(facts, verdict):
    number = made(**facts)
    (row,) = compare([cell(number, FINAL)], [number])
    assert row.ours == pytest.approx(10.0)
    assert row.interval.low < 10 < row.interval.high
    assert row.verdict == verdict


@pytest.mark.parametrize(("beyond", "verdict"), [(0.049, "agrees"), (0.051, "differs")])
def test_a_printed_number_stands_for_all_that_round_to_it(beyond, verdict):
    (row,) = compare([cell(made(value=0.0), FINAL)], [made(value=0.0)])
    number = made(value=row.interval.high + beyond)
    assert compare([cell(number, FINAL)], [number])[0].verdict == verdict


@pytest.mark.parametrize("theirs", [1, 5, 20])
def test_the_fewer_seeds_the_paper_has_the_further_from_ours_its_mean_may_lie(theirs):
    intervals = []
    for seeds in (theirs, 2 * theirs):
        number = made(value=10.0, seeds=seeds)
        intervals.append(compare([cell(number, FINAL)], [number])[0].interval)
    (low, high), (nearer_low, nearer_high) = intervals
    assert low <= nearer_low < 10 < nearer_high <= high


@pytest.mark.parametrize(("seeds", "verdict"), [(1, "too few seeds"), (9, "too few seeds"), (10, "differs")])
def test_fewer_than_ten_seeds_are_not_judged(seeds, verdict):
    number = made(value=90.0)
    (row,) = compare([cell(number, np.full((seeds, 10), 0.01))], [number])
    assert row.ours == pytest.approx(1.0)
    assert row.verdict == verdict


def test_a_mean_that_one_failed_seed_of_the_papers_would_make_is_no_difference():
    # Ten of ten solve it; one of twenty that fails adds five points.
    number = made(value=5.0)
    (row,) = compare([cell(number, np.full((10, 10), 0.001))], [number])
    assert row.verdict == "agrees"


def test_never_agrees_with_never():
    number = made("steps_to_1_percent", value=math.inf, rounding=1)
    (row,) = compare([cell(number, FINAL)], [number])
    assert (row.ours, row.verdict) == (math.inf, "agrees")


def test_a_longer_run_is_cut_to_the_papers_length():
    number = made(value=10.0)
    longer = np.concatenate([FINAL, np.ones((12, 5))], axis=1)
    (row,) = compare([cell(number, longer)], [number])
    assert row.ours == pytest.approx(10.0)


def test_a_shorter_run_is_shown_but_not_judged():
    final, steps = made(value=10.0), made("steps_to_1_percent", value=3, rounding=1)
    at_step = made("error_percent_at_step", value=3, at=8)
    rows = compare([cell(final, FINAL[:, :7])], [final, steps, at_step])
    assert [row.verdict for row in rows] == ["run too short"] * 3
    assert rows[0].ours == pytest.approx(10.0)
    assert math.isnan(rows[2].ours)


def test_few_seeds_a_lost_seed_and_a_missing_metric_are_not_judged():
    number = made(value=10.0)
    lost = FINAL.copy()
    lost[0, -1] = np.nan
    assert compare([cell(number, FINAL[:1])], [number])[0].verdict == "too few seeds"
    assert compare([cell(number, lost)], [number])[0].verdict == "a seed is lost"
    probe = made("probe_after_block", value=0.1, metric="surplus")
    plain = CellResult("TPO", {}, nested(probe.where), np.arange(12), {"error": FINAL}, {})
    assert compare([plain], [probe])[0].verdict == "no surplus"


def test_evaluations_in_blocks_carry_the_start_of_their_block():
    # Evaluated after every 200 updates: 8% after 1,600, 4% after 1,800, which the paper calls step 1,600.
    test_error = np.full((12, 2400), np.nan)
    test_error[:, 199::200] = [*np.linspace(0.4, 0.08, 8), 0.04, 0.04, 0.04, 0.03]
    facts = {"metric": "test_error", "evaluate_every": 200, "steps": 2400}
    block = made("block_to_5_percent", value=1600, rounding=200, **facts)
    probe = made("probe_after_block", value=0.03, rounding=0.001, at=2200, **facts)
    final = made(value=3.0, **facts)
    test_error[0, -1] = 0.03001  # equal seeds leave a metric without bounds without an interval
    rows = compare([cell(block, np.ones((12, 2400)), metric=test_error)], [block, probe, final])
    assert [row.ours for row in rows] == [1600, pytest.approx(0.03, rel=1e-3), pytest.approx(3.0, rel=1e-3)]
    assert [row.verdict for row in rows] == ["agrees"] * 3


def test_error_at_a_step():
    number = made("error_percent_at_step", value=50.0, at=3)
    error = np.ones((2, 10))
    error[:, 3] = [0.25, 0.75]
    (row,) = compare([cell(number, error)], [number])
    assert row.ours == 50.0


# --- seeds beside the author's ---

THEIRS = [0.0, 0.0, 12.5, 100.0, 100.0, 37.5, 0.0, 12.5, 50.0, 25.0]  # their mean is 33.75


def beside_seeds(finals, steps=10):
    """Cells that end like this, in percent, beside a number with the author's seeds."""
    number = made(value=33.8, seeds=10, of_seeds=THEIRS)
    (row,) = compare([cell(number, np.tile(np.array(finals)[:, None] / 100, steps))], [number])
    return row


def share_of_splits(first, second):
    """The share of splits into groups of these sizes in which the first wins as unevenly: all one by one."""
    values = np.array([*first, *second])

    def unevenness(chosen):
        rest = np.delete(values, chosen)
        return abs(np.sign(values[list(chosen)][:, None] - rest).sum())

    found = [unevenness(chosen) for chosen in itertools.combinations(range(len(values)), len(first))]
    return np.mean(np.array(found) >= found[0])


@pytest.mark.parametrize(
    ("first", "second"),
    [([0.0, 3.0, 100.0], THEIRS), (THEIRS[:6], [100.0] * 4), ([1.0, 2.0], [3.0, 4.0, 5.0]), ([7.0], [7.0])],
)
def test_p_is_the_share_of_splits_that_are_as_uneven(first, second):
    expected = share_of_splits(first, second)
    assert rank_test(np.array(first), np.array(second)) == pytest.approx(expected)
    assert rank_test(np.array(second), np.array(first)) == pytest.approx(expected)


@pytest.mark.parametrize(("first", "second"), [([], [1.0]), ([1.0], []), ([1.0], [math.nan])])
def test_groups_without_values_have_no_p(first, second):
    with pytest.raises(ValueError, match=r"at least one value|NaN"):
        rank_test(np.array(first), np.array(second))


@pytest.mark.parametrize(
    ("finals", "verdict"),
    [([0.0, 12.5, 25.0, 100.0], "agrees"), ([100.0] * 4, "differs"), ([100.0] * 3, "too few seeds")],
)
def test_the_authors_seeds_are_compared_with_ours_from_four_on(finals, verdict):
    row = beside_seeds(finals)
    assert row.verdict == verdict
    if verdict == "too few seeds":
        assert math.isnan(row.p_value)
    else:
        assert row.p_value == pytest.approx(share_of_splits(finals, THEIRS))
        assert (row.p_value >= 0.05) == (verdict == "agrees")


def test_seeds_decide_even_where_the_mean_lies_in_our_interval():
    # Both means are 10%, but all of ours lie between nine of the author's seeds and the tenth.
    theirs = [0.0] * 9 + [100.0]
    number = made(value=10.0, seeds=10, of_seeds=theirs)
    (row,) = compare([cell(number, np.full((12, 10), 0.1))], [number])
    assert (row.ours, row.verdict) == (pytest.approx(10.0), "differs")


def test_shares_that_differ_only_by_the_rounding_of_float32_are_ties():
    finals = [0.0, 12.5, 25.0, 100.0]
    nearly = [0.0, 12.500003, 24.999998, 100.0]
    assert beside_seeds(nearly).p_value == beside_seeds(finals).p_value


def test_short_runs_and_lost_seeds_are_not_compared_with_the_authors():
    for row, verdict in (
        (beside_seeds([100.0] * 4, steps=9), "run too short"),
        (beside_seeds([100.0] * 4 + [math.nan]), "a seed is lost"),
    ):
        assert row.verdict == verdict
        assert math.isnan(row.p_value)


def test_numbers_of_one_run_of_the_author_have_the_same_seeds():
    published = {number.name: number for number in paper_numbers() if number.of_seeds}
    by_method = {}
    for number in published.values():
        assert number.where["task.horizon"] == 10
        by_method.setdefault(number.method, []).append(number)
    assert {method: len(found) for method, found in by_method.items()} == {"TPO": 2, "GRPO": 1, "DG": 1}
    assert len({number.of_seeds for number in by_method["TPO"]}) == 1


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"value": 2.0, "of_seeds": [1.0, 3.0, 2.0]}, "of_seeds: 3 values; give one for each of the 2 seeds"),
        ({"value": 2.0, "of_seeds": [1.0, 4.0]}, "of_seeds: their mean is 2.5, and the paper prints 2"),
        (
            {"above": 95.0, "of_seeds": [90.0, 94.0]},
            "of_seeds: their mean is 92, and the paper prints above 95",
        ),
        ({"below": 2.0, "of_seeds": [1.0, 4.0]}, "of_seeds: their mean is 2.5, and the paper prints below 2"),
    ],
)
def test_seeds_that_do_not_make_the_number_are_refused(facts, message):
    with pytest.raises(ValueError, match=message):
        made(seeds=2, **facts)


# --- table and file ---


def test_the_table_gives_p_and_says_what_it_is():
    row, unlike = beside_seeds([0.0, 12.5, 25.0, 100.0]), beside_seeds([100.0] * 12)
    shown, plain = paper_table([row, unlike]), paper_table([beside_seeds([100.0] * 3)])
    interval = shown.rows[0][6]
    assert interval.endswith(f"], p = {row.p_value:.2f}")
    assert shown.rows[1][6].endswith("], p < 0.01")
    assert "Mann-Whitney" in shown.markdown()
    assert "p = " not in plain.markdown()
    assert "Mann-Whitney" not in plain.markdown()


def test_table_has_both_numbers_their_seeds_and_steps():
    number = find("Table 3, prompt-matched", "DG", task__horizon=9)
    table = paper_table(compare([cell(number, np.full((10, 2500), 0.98))]))
    (row,) = table.rows
    expected = (
        "Table 3, prompt-matched",
        "final error %",
        "DG",
        "horizon = 9",
        "> 95",
        "98.0",
        "[63.7, 98.7]",
    )
    assert row == (*expected, "agrees", "10 (20)", "2,500 (2,000)")
    assert "agrees" in table.markdown()


def test_every_quantity_that_is_compared_can_be_shown():
    numbers = list({number.quantity: number for number in MATCHABLE}.values())
    table = paper_table(compare([cell(n, np.full((2, n.steps), 0.02)) for n in numbers], numbers))
    assert sorted(row[1] for row in table.rows) == [
        "error % at step 400",
        "final error %",
        "steps to 1%",
        "steps to 5%, in blocks of 200",
        "surplus bin 3 at step 2000",
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('method = "m"', "exactly one of value, above and below"),
        ('method = "m", value = 1, below = 2', "exactly one of value, above and below"),
        ('method = "m", value = 1, color = 2', "color"),
    ],
)
def test_a_malformed_entry_is_refused(entry, message):
    text = (
        "[settings.s]\n[methods.m]\nname = 'M'\nwhere.task.kind = 'tokens'\n[[table]]\nsource = 'T'\n"
        f"quantity = 'final_error_percent'\nsetting = 's'\nrounding = 1\nnumbers = [{{ {entry} }}]\n"
    )
    with pytest.raises(ValueError, match=message):
        parse_paper_numbers(text)


def test_reading_results_needs_neither_jax_nor_pyplot():
    code = (
        "import sys; from tpo_runs import _figures, _paper, _results; "
        "print({'jax', 'matplotlib.pyplot'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
