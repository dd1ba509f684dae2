"""Running a network over data: the only home of processes and threads.

batch.py says what is computed for a batch; sharded.py, on the modules below it, who computes it.
"""

from scratchnet.engine.batch import Augment, BatchResult, Prepare, logits_of, loss_and_grads
from scratchnet.engine.sharded import Engine, ShardedEngine
from scratchnet.engine.workers import WorkerDied

__all__ = ["Augment", "BatchResult", "Engine", "Prepare", "ShardedEngine", "WorkerDied", "logits_of", "loss_and_grads"]
