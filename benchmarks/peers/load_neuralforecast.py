"""neuralforecast: train an LSTM of 64 units and two layers briefly and save it, or load it and forecast a CSV.

python load_neuralforecast.py train|predict FOLDER CSV
"""

from __future__ import annotations

import sys

import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MQLoss
from neuralforecast.models import LSTM

what, folder, path = sys.argv[1:]
rows = pd.read_csv(path, parse_dates=["ds"])
rows.insert(0, "unique_id", "series")
if what == "train":
    size = {"encoder_hidden_size": 64, "encoder_n_layers": 2, "decoder_hidden_size": 64}
    quiet = {"enable_progress_bar": False, "logger": False, "enable_checkpointing": False}
    model = LSTM(h=12, input_size=24, max_steps=10, scaler_type="standard", loss=MQLoss(level=[80]), **size, **quiet)
    forecaster = NeuralForecast(models=[model], freq="MS")
    forecaster.fit(df=rows)
    forecaster.save(folder, overwrite=True, save_dataset=False)
else:
    NeuralForecast.load(folder).predict(df=rows).to_csv(sys.stdout)
