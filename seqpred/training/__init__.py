"""Training of networks: windows, the loop, validation and checkpoints."""

import seqpred.network  # noqa: F401, sets up torch's threads before torch is loaded
