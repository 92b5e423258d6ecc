"""`seqpred explain` from outside."""

from __future__ import annotations

import json


def test_the_command_prints_a_table_and_json(models, run):
    many = models["many"]
    done = run("explain", many.folder, many.data, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["forecasts"]
    table = run("explain", many.folder, many.data)
    assert table.code == 0, table.err
    assert table.out.startswith("Components of the forecast")
    assert max(map(len, table.out.splitlines())) <= 100


def test_explain_without_a_model_folder_exits_with_4(run, tmp_path):
    assert run("explain", tmp_path).code == 4
