"""seqpred: a recurrent sequence predictor for the shell and the notebook.

    >>> import seqpred  # doctest: +SKIP
    >>> model = seqpred.train({"data": {"target": "y"}}, frame, out="runs/sales")  # doctest: +SKIP
    >>> seqpred.predict(model, frame, steps=24)  # doctest: +SKIP

The names below are imported on first use, so that `import seqpred` loads neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqpred.commands.check import check
    from seqpred.commands.compare import compare
    from seqpred.commands.evaluate import evaluate
    from seqpred.commands.explain import explain
    from seqpred.commands.forecast import forecast
    from seqpred.commands.plot import plot
    from seqpred.commands.predict import predict
    from seqpred.commands.train import train
    from seqpred.commands.tune import tune
    from seqpred.forecasting.model import Model, load

__version__ = "0.1.0"
__all__ = [
    "Model",
    "__version__",
    "check",
    "compare",
    "evaluate",
    "explain",
    "forecast",
    "load",
    "plot",
    "predict",
    "train",
    "tune",
]

_HOMES = {
    "Model": "forecasting.model",
    "check": "commands.check",
    "compare": "commands.compare",
    "evaluate": "commands.evaluate",
    "explain": "commands.explain",
    "forecast": "commands.forecast",
    "load": "forecasting.model",
    "plot": "commands.plot",
    "predict": "commands.predict",
    "train": "commands.train",
    "tune": "commands.tune",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"seqpred.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'seqpred' has no attribute {name!r}")
