"""Training of networks: windows, the loop, validation and checkpoints."""

import seqpred.network  # noqa: F401, configures torch's threads before torch is imported
