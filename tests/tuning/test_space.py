"""The search space: what can be searched, and the errors for what cannot."""

from __future__ import annotations

import pytest

from seqpred.config.schema import Config
from seqpred.errors import ConfigError
from seqpred.tuning.space import DEFAULT, Choice, Range, combinations, read_space


def config(**tune: object) -> Config:
    return Config.from_tree({"data": {"target": "y"}, "tune": {k.replace("__", "."): v for k, v in tune.items()}})


def test_grid_overrides_the_config_and_the_config_overrides_the_default():
    assert set(read_space(config(), ())) == set(DEFAULT)
    assert read_space(config(model__depth=[1, 2]), ()) == {"model.depth": Choice((1, 2))}
    assert read_space(config(model__depth=[1, 2]), ["model.cell=rnn,gru"]) == {"model.cell": Choice(("rnn", "gru"))}


def test_a_range_of_integers_yields_integers():
    space = read_space(config(model__hidden_size={"low": 8, "high": 64, "log": True}), ())
    assert space == {"model.hidden_size": Range(8, 64, log=True)}
    assert type(space["model.hidden_size"].distribution()).__name__ == "IntDistribution"


def test_combinations_are_complete_and_ordered():
    space = read_space(config(), ["model.cell=rnn,gru", "model.depth=1,2"])
    assert [tuple(c.values()) for c in combinations(space)] == [("rnn", 1), ("rnn", 2), ("gru", 1), ("gru", 2)]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"model.dept": [1]}, "Did you mean 'model.depth'?"),
        ({"data.target": ["a"]}, "unknown key 'data.target'"),
        ({"forecast.horizon": [6, 12]}, "cannot be searched"),
        ({"model.depth": [1, 99]}, "model.depth is 99"),
        ({"model.cell": ["lsmt"]}, "Did you mean 'lstm'?"),
        ({"model.depth": 3}, "neither a list of values nor a range"),
        ({"model.dropout": {"low": 0.5, "high": 0.1}}, "not a range"),
        ({"model.dropout": {"low": 0.0, "high": 0.1, "step": 3}}, "not a range"),
        ({"model.dropout": {"low": 0.0, "high": 0.5, "log": True}}, "starts at 0.0"),
        ({"training.learning_rate": {"low": 0.1, "high": 5.0}}, "training.learning_rate is 5.0"),
    ],
)
def test_a_key_that_cannot_be_searched_is_an_error(spec, message):
    with pytest.raises(ConfigError) as caught:
        read_space(Config.from_tree({"data": {"target": "y"}, "tune": spec}), ())
    assert message in str(caught.value)


def test_a_grid_without_values_is_an_error():
    with pytest.raises(ConfigError, match="expected key=value"):
        read_space(config(), ["model.cell"])
