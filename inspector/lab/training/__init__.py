"""Making the embedded checkpoint: a small Qwen3-VL, from random numbers to models/demo, on the drawn products."""
