"""seqpred: a recurrent sequence predictor for the shell and the notebook.

    >>> import seqpred  # doctest: +SKIP
    >>> model = seqpred.train({"data": {"target": "y"}}, frame, out="runs/sales")  # doctest: +SKIP
    >>> seqpred.predict(model, frame, steps=24)  # doctest: +SKIP

The names below come late, so that `import seqpred` loads neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqpred.commands.verbs import check, evaluate, load, predict, train
    from seqpred.forecasting.model import Model

__version__ = "0.1.0"
__all__ = ["Model", "__version__", "check", "evaluate", "load", "predict", "train"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from seqpred.commands import verbs

        return getattr(verbs, name)
    raise AttributeError(f"module 'seqpred' has no attribute {name!r}")
