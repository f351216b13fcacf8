"""The door to people: a REST API over the archive, and pages in the browser on top of it.

Knows FastAPI, NiceGUI, uvicorn and Pillow; nothing of databases, brokers or models. Reads only.
"""
