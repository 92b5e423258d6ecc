"""Configs: faults are reported with their lines, all at once; what is written reads back the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqpred.config.cells import installed_cells
from seqpred.config.foreign_names import _OURS
from seqpred.config.keys import get_key
from seqpred.config.loading import load_config, parse_config
from seqpred.config.schema import Config, config_fields, json_schema
from seqpred.config.yaml_subset import dump_yaml
from seqpred.config.yaml_text import format_value, to_yaml
from seqpred.errors import ConfigError

PROPERTY = settings(derandomize=True, deadline=None, max_examples=50)
SMALL = "data:\n  target: y\n"


def parse(text: str, *overrides: str) -> Config:
    """The config in a text called c.yaml."""
    return parse_config(text, "c.yaml", overrides)


def fault(text: str, *overrides: str) -> str:
    """The error for a faulty text."""
    with pytest.raises(ConfigError) as e:
        parse(text, *overrides)
    return str(e.value)


# ------------------------------------------------------------------ faults and their lines


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("model: {dept: 3}", "c.yaml:3: unknown key 'model.dept'. Did you mean 'depth'?"),
        ("model:\n  hidden: 3", "c.yaml:4: unknown key 'model.hidden'. Did you mean 'hidden_size'?"),
        ("modle: {}", "c.yaml:3: unknown key 'modle'. Did you mean 'model'?"),
        ("horizon: 3", "c.yaml:3: unknown key 'horizon'. Did you mean 'forecast.horizon'?"),
        ("model:\n\n  horizon: 3", "c.yaml:5: unknown key 'model.horizon'. Did you mean 'forecast.horizon'?"),
        ("model:\n  xyzzy: 3", "c.yaml:4: unknown key 'model.xyzzy'. Known: cell, depth"),
        (
            "model:\n  cell: lsmt",
            "c.yaml:4: model.cell is 'lsmt': no cell of this name is installed. Did you mean 'lstm'?",
        ),
        ("model:\n  depth: 0", "c.yaml:4: model.depth is 0; expected at least 1"),
        ("model:\n  depth: 2.5", "c.yaml:4: model.depth is 2.5; expected a whole number"),
        ("model:\n  depth: two", "c.yaml:4: model.depth is 'two'; expected a whole number"),
        ("model:\n  dropout: 1", "c.yaml:4: model.dropout is 1; expected less than 1"),
        ("model:\n  bidirectional: 1", "c.yaml:4: model.bidirectional is 1; expected true or false"),
        ("model:\n  hidden_size: 0", "c.yaml:4: model.hidden_size is 0; expected at least 1, or 'auto'"),
        ("model:\n  lags: []", "c.yaml:4: model.lags is []; expected at least 1 values, or 'auto'"),
        ("model:\n  lags:\n  - 1\n  - 0", "c.yaml:4: model.lags contains 0; expected at least 1"),
        ("model: 3", "c.yaml:3: model is 3, not a mapping"),
        ("model: [a]", "c.yaml:3: model is ['a'], not a mapping"),
        (
            "forecast:\n  quantiles: [0.5, 0.2]",
            "c.yaml:4: forecast.quantiles is [0.5, 0.2]: quantiles must be in increasing order",
        ),
        ("forecast:\n  quantiles: [0.5, 1]", "c.yaml:4: forecast.quantiles contains 1; expected less than 1"),
        ("training:\n  loss: mse", "c.yaml:4: training.loss is 'mse'; expected 'pinball' or 'huber'"),
        ("training:\n  device: gpu", "c.yaml:4: training.device is 'gpu'; expected"),
        ("training:\n  learning_rate: .inf", "c.yaml:4: training.learning_rate is inf; expected a finite number"),
        ("training:\n  learning_rate: .nan", "c.yaml:4: training.learning_rate is nan; expected a finite number"),
        ("training:\n  seed: -1", "c.yaml:4: training.seed is -1; expected at least 0"),
        ("training:\n  max_steps: 1.0e+3", "c.yaml:4: training.max_steps is 1000.0; expected"),
    ],
)
def test_a_fault_is_reported_with_its_line_its_value_and_what_was_expected(line: str, message: str) -> None:
    assert fault(f"{SMALL}{line}\n").startswith(message)


def test_a_value_out_of_bounds_is_reported_with_the_meaning_of_the_key() -> None:
    assert "Stacked layers, each fed by the one below." in fault(SMALL + "model: {depth: 0}")


def test_all_faults_are_reported_together_each_once() -> None:
    text = SMALL + "model:\n  dept: 3\n  dropout: 7\n  window: none\nforecast:\n  horizon: -1\ntrainig: {}\n"
    message = fault(text)
    assert [n for n in range(1, 12) if f"c.yaml:{n}:" in message] == [4, 5, 6, 8, 9]
    assert len(message.splitlines()) == 5


@pytest.mark.parametrize("text", ["", "# nothing\n", "model: {depth: 1}\n"])
def test_an_error_for_a_config_without_data_shows_what_to_write(text: str) -> None:
    message = fault(text)
    assert "data is missing" in message
    assert "data: {target: y}" in message


def test_only_the_target_is_required() -> None:
    assert fault("data:\n  path: a.csv\n").startswith("c.yaml:1: data.target is missing")
    assert parse("data: {target: y}").data.targets == ["y"]


def test_a_target_named_twice_is_an_error() -> None:
    assert fault("data:\n  target: [a, b, a]\n").startswith(
        "c.yaml:2: data.target is ['a', 'b', 'a']: a column is named"
    )


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("model: {layers: 2}", "Use 'model.depth'."),
        ("model: {num_layers: 2}", "Use 'model.depth'."),
        ("model: {units: 64}", "Use 'model.hidden_size'."),
        ("training: {lr: 0.1}", "Use 'training.learning_rate'."),
        ("training: {optimizer: adam}", "The optimizer is always AdamW."),
        ("training: {epochs: 9}", "Use 'training.max_steps'. It counts batches, not epochs."),
        ("model: {context_length: 9}", "Use 'model.window'."),
        ("input_size: 9", "Use 'model.window'."),
        ("forecast: {prediction_length: 9}", "Use 'forecast.horizon'."),
        ("forecast: {season_length: 9}", "Use 'forecast.season'."),
        ("freq: MS", "Use 'data.frequency'."),
        ("unique_id: store", "Use 'data.id'."),
    ],
)
def test_the_error_for_a_key_of_another_library_names_our_key(line: str, hint: str) -> None:
    assert hint in fault(f"{SMALL}{line}\n")


def test_the_error_for_the_columns_of_another_library_names_our_key() -> None:
    message = fault("data: {unique_id: store, ds: day, y: sales, target: sales}\n")
    assert all(f"Use 'data.{key}'." in message for key in ("id", "time", "target"))


def test_every_name_of_another_library_maps_to_a_key_and_is_not_a_key_itself() -> None:
    assert set(_OURS.values()) <= set(config_fields())
    ours = {part for key in config_fields() for part in (key, key.split(".")[-1])}
    assert not ours & set(_OURS)


# ------------------------------------------------------------------ YAML


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data:\n  target: y\n  target: z\n", "c.yaml:3: "),
        ("data: {target: y}\nmodel: {}\ndata: {target: z}\n", "c.yaml:3: "),
        ("data:\n\ttarget: y\n", "c.yaml:2: not YAML"),
        ("data:\n  target: 'y\n", "c.yaml:"),
        ("data: {target: y\nmodel: {}\n", "c.yaml:"),
        ("data: {target: y}\n---\ndata: {target: z}\n", "c.yaml:2: not YAML"),
        ("data: {target: *y}\n", "c.yaml:1: not YAML"),
        ("data: {target: !!python/name:os.getcwd ''}\n", "c.yaml:1: not YAML"),
    ],
)
def test_malformed_yaml_is_an_error_with_its_line(text: str, message: str) -> None:
    assert fault(text).startswith(message)


def test_the_error_for_a_duplicate_key_names_it() -> None:
    assert "duplicate key 'data.target'" in fault("data:\n  target: y\n  target: z\n")


@pytest.mark.parametrize(
    ("text", "kind"), [("- data\n- model\n", "a list"), ("data\n", "a single value"), ("3", "a single value")]
)
def test_a_document_that_is_not_a_mapping_is_rejected(text: str, kind: str) -> None:
    assert fault(text).startswith(f"c.yaml: contains {kind}, not a mapping of sections. Start with 'data:'")


@pytest.mark.parametrize(
    "text",
    [
        "data: &a {target: *a}\n",
        "data: &a\n  target: y\n  path: *a\n",
        "[" * 5000,
        "{a: " * 5000,
        "data: {target: " + "[" * 3000 + "]" * 3000 + "}\n",
        "data: {target: y}\n? {a: b}\n: 3\n? [c]\n: 4\n",
        "data: {target: y}\nmodel: {<<: {depth: 0}}\n",
        "data: {target: y}\nmodel: {depth: 2024-13-45}\n",
        "data: {target: y}\nmodel: {depth: " + "9" * 5000 + "}\n",
        "data: {target: y}\nmodel: {depth: !!int x}\n",
        "data: {target: \x00}\n",
        "data: {target: \x07}\n",
        "data: {target: \ud800}\n",
        "%YAML 9.9\n---\ndata: {target: y}\n",
        "null: {target: y}\n",
        "? \n: \n",
    ],
    ids=range(16),
)
def test_every_malformed_text_is_an_error_message(text: str) -> None:
    assert fault(text)


@PROPERTY
@given(st.text(max_size=60).map(lambda t: SMALL + t))
def test_any_text_after_a_valid_beginning_is_read_or_rejected(text: str) -> None:
    try:
        assert parse(text).data.targets
    except ConfigError as e:
        message = str(e)
    else:
        return
    assert "c.yaml" in message


def test_an_alias_is_rejected_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"c\.yaml:3.*alias"):
        parse("data: {target: y}\nmodel: {window: &w 48}\nforecast: {season: *w}\n")


def test_nested_aliases_are_not_expanded() -> None:
    # Thirty lines expand to 2**30 values.
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 30)]
    code = "import sys; from seqpred.config.loading import parse_config; parse_config(sys.stdin.read(), 'c.yaml')"
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); {code}"
    done = subprocess.run(
        [sys.executable, "-c", limited], input="\n".join(lines), capture_output=True, text=True, timeout=5, check=False
    )
    assert "ConfigError" in done.stderr
    assert "MemoryError" not in done.stderr


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.e-3", "1.0e-3", "+1e-3", "0.001", ".001"])
def test_every_common_notation_of_a_number_is_read(text: str) -> None:
    assert parse(f"{SMALL}training: {{learning_rate: {text}}}\n").training.learning_rate == 1e-3


def test_an_integer_is_accepted_for_a_rate_and_a_budget() -> None:
    config = parse(SMALL + "model: {dropout: 0}\ntraining: {learning_rate: 1, time_budget: 60}\n")
    assert (config.model.dropout, config.training.learning_rate, config.training.time_budget) == (0, 1, 60)


def test_the_name_of_a_column_may_be_a_number() -> None:
    assert parse("data: {target: [2019, 2020], time: 1, id: 2}\n").data.targets == ["2019", "2020"]


def test_a_frequency_may_be_an_integer() -> None:
    assert parse("data: {target: y, frequency: '10'}\n").data.frequency == "10"
    assert parse("data: {target: y, frequency: 10}\n").data.frequency == "10"


def test_a_file_may_begin_with_a_byte_order_mark_and_contain_any_letters(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes("\ufeffdata: {target: 'größe µ 値'}\r\n".encode())
    assert load_config(path).data.targets == ["größe µ 値"]


def test_a_file_that_is_absent_a_folder_or_binary_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(ConfigError, match=r"c\.yaml: no such file"):
        load_config(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)
    path.write_bytes(b"data: {target: \xff\xfe}")
    with pytest.raises(ConfigError, match=r"c\.yaml: cannot be read"):
        load_config(path)


# ------------------------------------------------------------------ overrides


def test_an_override_takes_precedence_over_the_file_and_the_last_one_over_the_others() -> None:
    config = parse(SMALL + "model: {depth: 3}\n", "model.depth=4", "model.depth=5", "training.learning_rate=1e-3")
    assert (config.model.depth, config.training.learning_rate) == (5, 1e-3)


def test_an_override_may_be_a_list_a_text_or_null() -> None:
    config = parse(SMALL, "forecast.quantiles=[0.25, 0.5]", "data.path=a=b.csv", "data.time=null", "data.target=[a, b]")
    assert config.forecast.quantiles == [0.25, 0.5]
    assert (config.data.path, config.data.time, config.data.targets) == ("a=b.csv", None, ["a", "b"])


def test_an_override_may_be_a_whole_section() -> None:
    assert parse("", "data.target=y").data.targets == ["y"]
    assert parse("", "data={target: y}").data.targets == ["y"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.dept=3", "--set model.dept=3: unknown key 'model.dept'. Did you mean 'depth'?"),
        ("model.depth=0", "--set model.depth=0: model.depth is 0"),
        ("model=3", "--set model=3: model is 3, not a mapping"),
        ("model.depth", "--set model.depth: not of the form key=value"),
        ("=3", "--set =3: not of the form key=value"),
        ("model.depth=[1", "--set model.depth=[1: the value is not YAML"),
        ("nosuch.depth=1", "--set nosuch.depth=1: unknown key 'nosuch'"),
        ("model.cell.name=gru", "--set model.cell.name=gru: model.cell is"),
    ],
)
def test_an_invalid_override_is_quoted_as_typed(override: str, message: str) -> None:
    assert fault(SMALL, override).startswith(message)


def test_an_override_nested_too_deeply_is_an_error_message() -> None:
    assert "--set model.depth=[[" in fault(SMALL, "model.depth=" + "[" * 3000)


def test_faults_of_the_file_and_of_an_override_are_reported_together() -> None:
    message = fault(SMALL + "model: {dept: 3}\n", "training.seed=-1")
    assert "c.yaml:3: unknown key 'model.dept'" in message
    assert "--set training.seed=-1: training.seed is -1" in message


# ------------------------------------------------------------------ keys and schema


def test_every_key_has_a_title_and_a_description() -> None:
    for name, field in config_fields().items():
        assert field.title, name
        assert field.description, name
        assert field.description.endswith("."), name


def test_the_schema_contains_every_key_with_its_default_and_its_description() -> None:
    schema = json_schema()
    defaults = parse(SMALL).model_dump()
    found: list[str] = []
    assert schema["required"] == ["data"]

    def visit(below: dict[str, Any], values: Any, above: str) -> None:
        assert below["additionalProperties"] is False
        for key, entry in below["properties"].items():
            if "$ref" in entry:
                visit(schema["$defs"][entry["$ref"].rsplit("/", 1)[1]], values[key], f"{above}{key}.")
                continue
            found.append(above + key)
            assert entry["description"]
            if key != "target":
                assert entry["default"] == values[key], key

    visit(schema, defaults, "")
    assert schema["$defs"]["DataSection"]["required"] == ["target"]
    assert found == list(config_fields())
    assert schema["$schema"].endswith("2020-12/schema")


def test_the_schema_contains_the_bounds() -> None:
    parts = json_schema()["$defs"]
    depth = parts["ModelSection"]["properties"]["depth"]
    assert (depth["type"], depth["minimum"], depth["maximum"]) == ("integer", 1, 64)
    dropout = parts["ModelSection"]["properties"]["dropout"]
    assert (dropout["minimum"], dropout["exclusiveMaximum"]) == (0, 1)
    assert parts["TrainingSection"]["properties"]["loss"]["enum"] == ["pinball", "huber"]


def test_our_cells_are_installed() -> None:
    assert {"rnn", "lstm", "gru"} <= set(installed_cells())


# ------------------------------------------------------------------ round trips

names = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    st.sampled_from(
        ["1e3", "2019", "yes", "null", "~", "1_000", "0x1F", "1:30", "2024-01-01", "- a", "a: b", "#x", " y "]
    ),
)
counts = st.one_of(st.just("auto"), st.integers(1, 10_000))


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A config as Python holds it."""
    levels = st.lists(st.integers(1, 999), min_size=1, max_size=9, unique=True)
    return {
        "data": {
            "path": draw(st.none() | names),
            "target": draw(names | st.lists(names, min_size=1, max_size=3, unique=True)),
            "id": draw(st.none() | names),
            "frequency": draw(st.sampled_from(["auto", "1", "24", "P1M-end", "business-day", "PT15M"])),
        },
        "model": {
            "cell": draw(st.sampled_from(["rnn", "lstm", "gru"])),
            "depth": draw(st.integers(1, 64)),
            "dropout": draw(st.floats(0, 1, exclude_max=True)),
            "lags": draw(st.just("auto") | st.lists(st.integers(1, 999), min_size=1, max_size=5)),
        },
        "forecast": {"horizon": draw(counts), "quantiles": [q / 1000 for q in sorted(draw(levels))]},
        "training": {
            "learning_rate": draw(st.floats(1e-300, 1)),
            "time_budget": draw(st.none() | st.floats(1e-9, 1e18)),
            "seed": draw(st.integers(0, 2**31 - 1)),
        },
    }


@PROPERTY
@given(trees())
@example({"data": {"target": "1e3"}})
def test_a_config_written_as_yaml_reads_back_the_same(tree: dict[str, Any]) -> None:
    config = Config.from_tree(tree)
    text = dump_yaml(config.model_dump())
    assert parse(text) == config


@PROPERTY
@given(names)
@example("1e3")
def test_a_column_name_in_commented_yaml_reads_back_the_same(name: str) -> None:
    assert parse(f"data:\n  target: {format_value(name)}  # by name\n").data.target == name


@settings(PROPERTY, max_examples=20)
@given(trees(), st.sets(st.sampled_from(sorted(config_fields()))))
def test_commented_yaml_reads_back_the_same_and_fits_100_columns(tree: dict[str, Any], shown: set[str]) -> None:
    config = Config.from_tree(tree)
    text = to_yaml(config, {}, config_fields())
    assert parse(text) == config
    loaded = yaml.safe_load(text)
    for key in config_fields():
        get_key(loaded, key)
    assert parse(to_yaml(config, {}, shown)).data.target == config.data.target
    assert all(
        len(line) <= 100 for line in to_yaml(Config.from_tree({"data": {"target": "y"}}), {}, shown).splitlines()
    )


def test_a_long_list_is_wrapped_and_its_comment_precedes_it() -> None:
    config = Config.from_tree({"data": {"target": [f"series_{i}" for i in range(99)]}})
    text = to_yaml(config, {"data.target": "every numeric column"})
    assert "  # every numeric column\n  target: [series_0, series_1," in text
    assert max(map(len, text.splitlines())) <= 100
    assert parse(text).data.targets == config.data.targets


def test_suggestions_are_commented_out_and_valid_once_uncommented() -> None:
    text = to_yaml(parse(SMALL), {}, ["data.covariates.calendar"], {"data.covariates.known": ["price", "promo"]})
    assert parse(text).data.covariates.known == []
    assert parse(text.replace("# known", "known")).data.covariates.known == ["price", "promo"]


def test_replace_returns_a_validated_copy_and_leaves_the_original() -> None:
    config = parse(SMALL)
    other = config.replace({"model.depth": 5, "forecast.horizon": 7})
    assert (other.model.depth, other.forecast.horizon) == (5, 7)
    assert config == parse(SMALL)
    assert config.replace({}) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.dept": 3}, "unknown key 'model.dept'. Did you mean 'depth'?"),
        ({"model.depth": 0}, "model.depth is 0; expected at least 1"),
        ({"nosuch": 1}, "unknown key 'nosuch'"),
        ({"model": 3}, "model is 3, not a mapping"),
    ],
)
def test_replace_rejects_what_a_yaml_may_not_contain(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as e:
        parse(SMALL).replace(changes)
    assert message in str(e.value)


def test_a_config_is_immutable() -> None:
    config = parse(SMALL)
    with pytest.raises(ValueError, match="frozen"):
        config.model.depth = 9  # type: ignore[misc]


@pytest.mark.parametrize("sign", [",", ".", "','"])
def test_a_decimal_sign_needs_no_quotes_in_an_override(sign: str) -> None:
    config = parse_config("data: {target: y}", "c.yaml", [f"data.decimal={sign}"])
    assert config.data.decimal == sign.strip("'")
