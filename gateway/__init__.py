"""The gateway: speech over WebSocket and HTTP for clients that do not have RunPod's key.

`context`, `timeline`, `messages`, `limits`, `ranges` and `metrics` do no I/O; `speaking` runs a
context's jobs; `socket`, `openai` and `speeches` are the endpoints; `app` puts them together.
"""
