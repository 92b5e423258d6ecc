"""The names of config keys in other forecasting libraries."""

from __future__ import annotations

_NAMES = {
    "data.path": "file filename csv csv_path data_path",
    "data.time": "ds timestamp timestamp_column time_col time_column time_idx date_column",
    "data.target": "y target_col target_column targets",
    "data.id": "unique_id item_id id_col id_column series_id group_ids",
    "data.frequency": "freq time_step",
    "data.covariates.known": "futr_exog_list future_covariates feat_dynamic_real time_varying_known_reals",
    "data.covariates.past": "hist_exog_list past_covariates past_feat_dynamic_real time_varying_unknown_reals",
    "data.covariates.static": "stat_exog_list static_covariates static_features feat_static_cat static_reals",
    "data.timezone": "tz",
    "model.cell": "cell_type rnn_type",
    "model.depth": "layers num_layers n_layers n_rnn_layers rnn_layers encoder_n_layers",
    "model.hidden_size": "units hidden_dim hidden_units n_hidden num_hidden encoder_hidden_size rnn_units",
    "model.dropout": "dropout_rate encoder_dropout p_dropout",
    "model.bidirectional": "bidir birnn",
    "model.members": "ensemble num_models n_models ensemble_size",
    "model.window": "context_length input_size input_chunk_length block_size lookback max_encoder_length",
    "model.lags": "lags_seq",
    "forecast.horizon": "prediction_length h output_chunk_length fh max_prediction_length steps forecast_horizon",
    "forecast.season": "season_length seasonality seasonal_period sp",
    "forecast.quantiles": "quantile_levels level levels",
    "training.learning_rate": "lr optimizer optimizer_kwargs",
    "training.batch_size": "batch windows_batch_size",
    "training.max_steps": "epochs max_epochs n_epochs num_epochs num_batches_per_epoch steps_per_epoch iterations",
    "training.patience": "early_stop_patience_steps early_stopping_patience",
    "training.validation": "val_size validation_split val_split",
    "training.seed": "random_seed random_state",
    "training.device": "accelerator gpu",
    "training.threads": "num_threads n_jobs num_workers",
}
_OURS = {name: key for key, names in _NAMES.items() for name in names.split()}
_REMARKS = {
    "training.learning_rate": " The optimizer is always AdamW.",
    "training.max_steps": " It counts batches, not epochs.",
}


def translate(name: str) -> str:
    """A hint with our key for the name of a key in another library; empty if the name is not known.

    >>> translate("num_layers")
    "Use 'model.depth'."
    >>> translate("epochs")
    "Use 'training.max_steps'. It counts batches, not epochs."
    """
    key = _OURS.get(name.lower())
    return f"Use {key!r}.{_REMARKS.get(key, '')}" if key else ""
