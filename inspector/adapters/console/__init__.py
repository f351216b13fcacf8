"""The operator console: a REST API over the archive, and browser pages that show the same answers.

It uses FastAPI, NiceGUI, uvicorn and Pillow. Only `bootstrap` and the documentation generator import it. It never
writes to the ledger, and knows no database, broker or model.
"""
