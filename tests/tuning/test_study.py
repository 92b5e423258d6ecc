"""The search: all trials run, dead processes are survived, studies continue and are not mixed up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seqpred.config.schema import Config
from seqpred.errors import ConfigError, DataError, WriteError
from seqpred.tuning.results import TuneOptions, TuneSpec
from seqpred.tuning.space import read_space
from seqpred.tuning.study import open_study, run_study
from tests.tuning import trials

optuna = pytest.importorskip("optuna")
DEPTHS = ("model.depth=1,2,3,4",)


def spec(out: Path, grid: tuple[str, ...] = DEPTHS, **changes: object) -> TuneSpec:
    config = Config.from_tree({"data": {"target": "y"}})
    space = read_space(config, grid)
    options = replace(TuneOptions(grid=grid, jobs=2), **changes)
    return TuneSpec(options, config, space, None, out / "study", "data")


def run(own: TuneSpec, train=trials.depth_three_is_best):
    notes: list[str] = []
    return run_study(own, train, lambda note: notes.append(str(note)), lambda _: None), notes


def test_a_grid_tries_every_combination_once_and_finds_the_best(tmp_path):
    result, notes = run(spec(tmp_path))
    assert sorted(t.params["model.depth"] for t in result.trials) == [1, 2, 3, 4]
    assert (result.best.params, result.best.score, notes) == ({"model.depth": 3}, 0.0, [])
    assert result.config.model.depth == 3
    assert Path(result.best.folder).is_dir()


def test_a_search_runs_the_requested_number_of_trials(tmp_path):
    result, _ = run(spec(tmp_path, (), trials=7))
    assert len(result.trials) == 7


@pytest.mark.parametrize(
    ("train", "message"),
    [(trials.depth_two_is_killed, "was killed"), (trials.depth_two_has_bad_data, "too few rows")],
)
def test_a_failed_trial_is_reported_and_the_others_continue(tmp_path, train, message):
    result, notes = run(spec(tmp_path), train)
    assert [t.state for t in sorted(result.trials, key=lambda t: t.params["model.depth"])].count("complete") == 3
    assert result.best.params == {"model.depth": 3}
    assert len(notes) == 1
    assert message in notes[0]


def test_a_study_is_not_overwritten_and_continues_with_resume(tmp_path):
    run(spec(tmp_path))
    with pytest.raises(WriteError, match="--resume"):
        run(spec(tmp_path))
    again, _ = run(spec(tmp_path, resume=True))
    assert len(again.trials) == 4  # nothing is left to do


def test_a_trial_that_a_killed_process_left_running_is_resumed_in_its_folder(tmp_path):
    own = spec(tmp_path)
    left = open_study(own).ask({key: values.distribution() for key, values in own.space.items()})
    left.set_user_attr("folder", str(own.out / "trial-000"))
    result, _ = run(replace(own, options=replace(own.options, resume=True)))
    assert sorted(t.params["model.depth"] for t in result.trials if t.score is not None) == [1, 2, 3, 4]
    again = next(t for t in result.trials if t.params == left.params and t.score is not None)
    assert again.folder == str(own.out / "trial-000")


def test_a_study_of_something_else_is_refused(tmp_path):
    run(spec(tmp_path))
    with pytest.raises(ConfigError, match="belongs to other data"):
        run(replace(spec(tmp_path, resume=True), fingerprint="other"))
    with pytest.raises(ConfigError, match="search space"):
        run(spec(tmp_path, ("model.depth=1,2",), resume=True))


def test_no_completed_trial_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no trial was completed"):
        run(spec(tmp_path, ("model.depth=2",)), trials.depth_two_has_bad_data)


def test_an_unreachable_database_is_an_error_that_names_it(tmp_path):
    url = f"sqlite:///{tmp_path}/absent/study.db"
    with pytest.raises(WriteError, match="cannot be used"):
        run(spec(tmp_path, storage=url))


@pytest.mark.parametrize("url", ["postgres", "foo://host/database"])
def test_a_url_of_no_known_database_is_wrong_usage(tmp_path, url):
    with pytest.raises(ConfigError, match="its driver must be installed"):
        run(spec(tmp_path, storage=url))


def test_a_study_is_stored_in_a_database(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    result, _ = run(spec(tmp_path, storage=url))
    assert len(optuna.load_study(study_name="study", storage=url).trials) == len(result.trials) == 4
