"""`eval --shard` and `--merge`: the scores of all shards are those of one process."""

from __future__ import annotations

import pytest

from seqpred.evaluation.exact_sum import ExactSum
from tests.cli.outside import call_all

SHARDS = 2


@pytest.fixture(scope="module")
def sums(models, tmp_path_factory):
    """The files of all shards, and what one process prints."""
    many, place = models["many"], tmp_path_factory.mktemp("sums")
    rows = many.data.read_text().splitlines()
    copies = [f"{k}{row}" for k in range(1, 6) for row in rows[1:]]
    (place / "data.csv").write_text("\n".join([rows[0], *copies]) + "\n")
    arguments = ["eval", many.folder, "data.csv", "--windows", "2", "--quiet"]
    calls = {f"part-{i}.json": (place, [*arguments, "--shard", f"{i}/{SHARDS}"]) for i in range(1, SHARDS + 1)}
    done = call_all({"whole": (place, [*arguments, "--json"]), **calls})
    assert {own.code for own in done.values()} == {0}
    for name in calls:
        (place / name).write_text(done[name].out)
    return many.folder, place, done["whole"].out


def test_merged_scores_are_those_of_one_process_to_the_last_digit(sums):
    folder, place, whole = sums
    arguments = ["eval", folder, "--merge", "part-*.json", "--json"]
    (place / "half").mkdir(exist_ok=True)
    (place / "half" / "part-1.json").write_text((place / "part-1.json").read_text())
    done = call_all({"merged": (place, arguments), "half": (place / "half", arguments)})
    assert done["merged"].out == whole
    assert done["half"].code == 3
    assert "shard 2/2 is missing" in done["half"].err


def test_sums_of_the_pretrained_network_are_merged_without_the_data(sums):
    _, place, _ = sums
    arguments = ["eval", "pretrained", "data.csv", "--quiet"]
    calls = {f"own-{i}.json": (place, [*arguments, "--shard", f"{i}/{SHARDS}"]) for i in range(1, SHARDS + 1)}
    done = call_all({"whole": (place, [*arguments, "--json"]), **calls})
    for name in calls:
        (place / name).write_text(done[name].out)
    merged = call_all({"it": (place, ["eval", "pretrained", "--merge", "own-*.json", "--json"])})["it"]
    assert (merged.code, merged.out) == (0, done["whole"].out)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--merge", "data.csv"], 3, "these are not the sums of a shard"),
        (["--merge", "absent.json"], 3, "cannot read it"),
        (["--merge", "part-1.json", "--merge", "part-1.json"], 3, "passed twice"),
        (["--merge", "part-1.json", "--by", "step"], 2, "--merge takes only"),
        (["--merge", "part-1.json", "part-2.json"], 2, "Quote a pattern"),
        (["data.csv", "--shard", "0/2"], 2, "expected i/n with i from 1 to n"),
        (["data.csv", "--shard", "1/2", "--by", "step"], 2, "--shard prints sums only"),
    ],
)
def test_options_and_files_that_do_not_fit_are_refused(sums, arguments, code, message):
    folder, place, _ = sums
    done = call_all({"it": (place, ["eval", folder, *arguments])})["it"]
    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_a_sum_does_not_depend_on_how_its_numbers_are_divided():
    numbers = [1e300, 0.1, -1e300, 1e-300, 3.3, 1e16, -7.7]
    whole, divided = ExactSum.of(numbers), ExactSum.of(numbers[:3])
    divided.add(ExactSum.of(numbers[:2:-1]).parts)
    assert whole == divided


@pytest.mark.parametrize("numbers", [[float("inf"), 1.0], [float("nan")], [1e308, 1e308]])
def test_a_sum_that_is_not_finite_remains_so(numbers):
    total = ExactSum.of(numbers)
    total.add([1.0])
    assert not -1e308 < total.value < 1e308
