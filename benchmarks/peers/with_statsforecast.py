"""statsforecast: AutoETS, AutoTheta, SeasonalNaive as in its README; its intervals provide the quantiles."""

from __future__ import annotations

from statsforecast import StatsForecast, models
from task import LEVELS, Task, by_series

task = Task.given()
rows = task.history()
frequency = 1 if rows["ds"].dtype.kind == "i" else task.frequency
model = getattr(models, task.model)(season_length=task.season)
found = StatsForecast(models=[model], freq=frequency).forecast(df=rows, h=task.horizon, level=[20, 40, 60, 80])


def column(level: float) -> str:
    wide = round(abs(2 * level - 1) * 100)
    return task.model if wide == 0 else f"{task.model}-{'lo' if level < 0.5 else 'hi'}-{wide}"


task.answer(by_series(found, [column(level) for level in LEVELS]))
