"""The engine on an OpenAI-compatible server: conversation, requests, responses, errors with remedies.

Imported by `adapters.vlm.load` only. Needs neither torch nor a GPU.
"""
