"""The embedded model server: Ollama's HTTP API, as far as LexiQuery and Ollama's client use it, over local model files.

`python -m shared.llm.embedded` runs it; `app.embedded_app` is the same as an ASGI app.
"""
