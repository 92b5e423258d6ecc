"""darts: RNNModel as in its notebooks on recurrent networks and on DeepAR.

From the notebooks: an LSTM of 20 units, no dropout, batches of 16, Adam with a rate of 0.001, values scaled to 0 to 1,
year and month as covariates if there are dates, a Gaussian likelihood. Deviations: window and training length follow
the horizon, 1,000 steps instead of 300 epochs.
"""

from __future__ import annotations

import numpy as np
from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.models import RNNModel
from darts.utils.likelihood_models import GaussianLikelihood
from task import LEVELS, Task

task = Task.given()
rows = task.history()
dated = rows["ds"].dtype.kind != "i"
names = list(rows["unique_id"].unique())
series = [
    TimeSeries.from_dataframe(own, "ds", "y", freq=task.frequency if dated else 1).astype(np.float32)
    for _, own in rows.groupby("unique_id", sort=False)
]
scaler = Scaler()
scaled = scaler.fit_transform(series)
calendar = {"datetime_attribute": {"future": ["year", "month"]}, "transformer": Scaler()}
model = RNNModel(
    model="LSTM",
    hidden_dim=20,
    dropout=0,
    batch_size=16,
    optimizer_kwargs={"lr": 1e-3},
    input_chunk_length=2 * task.horizon,
    training_length=3 * task.horizon,
    likelihood=GaussianLikelihood(),
    add_encoders=calendar if dated else None,
    n_epochs=1000,
    random_state=1,
    pl_trainer_kwargs={"accelerator": "cpu", "max_steps": 1000, "enable_progress_bar": False, "logger": False},
)
model.fit(scaled)
found = scaler.inverse_transform(model.predict(task.horizon, series=scaled, num_samples=100))
task.answer(
    {
        name: np.quantile(own.all_values(copy=False)[:, 0], LEVELS, axis=1).T
        for name, own in zip(names, found, strict=True)
    }
)
