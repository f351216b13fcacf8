"""Training of the embedded checkpoint: a small Qwen3-VL, trained from random weights on synthetic products.

Training has two stages: first the vision tower with classification heads, then the language model. The room also
measures a checkpoint on held-out frames. It may import the domain, the ports, judging, tuning, the camera adapter and
the synthetic products. The lab, the operations, the CLI and the tests may import it; the service never does.
"""
