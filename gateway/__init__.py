"""The gateway: speech over WebSocket and HTTP for clients that do not have RunPod's key.

`context`, `timeline`, `messages`, `limits`, `ranges` and `metrics` do no I/O; `queue_speech` runs
a context's jobs on the queue of `runpod_queue`; `socket`, `openai` and `growing` are the routes, behind
`handshake` and `http`, which check who asks; `app` puts them together.
"""
