"""The engine on torch and transformers: one Qwen3-VL in this process, with continuous batching over shared prefixes.

Imported by `adapters.vlm.load` and by the lab, which trains and measures it. Never knows frames, ladders or lines.
"""
