"""What all models take and give: x (N, 1, 28, 28) -> logits (N, 10)."""

INPUT_SHAPE = (1, 28, 28)
NUM_CLASSES = 10
