"""neuralforecast: the LSTM and NHITS of its quick start (GRU like the LSTM), forecasting deciles.

Deviations from the quick start: 1,000 steps (the classes' default) instead of 500 and 100, and MQLoss, because the
default loss has no quantiles.
"""

from __future__ import annotations

from neuralforecast import NeuralForecast, models
from neuralforecast.losses.pytorch import MQLoss
from task import LEVELS, Task, by_series

RECURRENT = {"scaler_type": "standard", "encoder_hidden_size": 64, "decoder_hidden_size": 64}
SETTINGS = {"LSTM": RECURRENT, "GRU": RECURRENT, "NHITS": {"n_freq_downsample": [2, 1, 1]}}

task = Task.given()
rows = task.history()
frequency = 1 if rows["ds"].dtype.kind == "i" else task.frequency
model = getattr(models, task.model)(
    h=task.horizon,
    input_size=2 * task.horizon,
    max_steps=1000,
    loss=MQLoss(quantiles=LEVELS),
    enable_progress_bar=False,
    logger=False,
    enable_checkpointing=False,
    **SETTINGS[task.model],
)
forecaster = NeuralForecast(models=[model], freq=frequency)
forecaster.fit(df=rows)
found = forecaster.predict()
columns = [name for name in found.columns if name.startswith(task.model)]
assert len(columns) == len(LEVELS), columns
task.answer(by_series(found, columns))
