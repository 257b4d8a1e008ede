"""The contract of Ollama's HTTP API, for the embedded server and for an Ollama (docs/ollama-api.md)."""
