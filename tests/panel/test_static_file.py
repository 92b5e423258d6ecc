"""A static file is equivalent to static columns in the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.panel.panel import Panel
from seqpred.sources.source import Source

PROPERTY = settings(
    derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SHOPS = st.lists(st.sampled_from(["007", "7", "B", "b", "Z", "Ä"]), min_size=1, unique=True)


def panel(content: str, **covariates: object) -> Panel:
    data = {"target": "y", "id": "shop", "time": "t", "covariates": covariates}
    return load_panel(Source("a.csv", content.encode()), Config.from_tree({"data": data}), lambda _: None)


@PROPERTY
@given(shops=SHOPS, seed=st.integers(0, 99))
def test_a_static_file_gives_the_same_panel_as_columns_in_the_data(shops: list[str], seed: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(seed)
    static = {shop: f"{draw.choice(['north', 'south', ''])},{draw.integers(9)}" for shop in shops}
    rows = [(shop, t) for shop in shops for t in range(4)]
    rows = [rows[i] for i in draw.permutation(len(rows))]
    whole = "shop,t,y,region,size\n" + "".join(f"{shop},{t},{t},{static[shop]}\n" for shop, t in rows)
    bare = "shop,t,y\n" + "".join(f"{shop},{t},{t}\n" for shop, t in rows)
    file = tmp_path / "shops.csv"
    file.write_text(
        "size,shop,region\n"
        + "".join(
            ",".join([static[s].split(",")[1], s, static[s].split(",")[0]]) + "\n" for s in draw.permutation(shops)
        )
    )
    apart = panel(bare, static=["region", "size"], static_file=str(file))
    within = panel(whole, static=["region", "size"])
    assert apart.names == within.names
    assert (apart.columns, apart.roles, apart.words) == (within.columns, within.roles, within.words)
    np.testing.assert_array_equal(apart.values, within.values)
