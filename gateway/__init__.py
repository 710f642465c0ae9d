"""The gateway: speech over WebSocket and HTTP for browsers and programs, with RunPod's key kept here.

`context`, `timeline`, `messages`, `limits`, `ranges` and `metrics` do no I/O; `speaking` drives a
context's jobs; `socket`, `openai` and `speeches` are the endpoints; `app` puts them together.
"""
