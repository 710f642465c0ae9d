"""The gateway: speech over WebSocket and HTTP for clients that do not have RunPod's key.

`socket`, `openai` and `growing` are the routes, behind `handshake` and `http`, which check who asks; `app`
puts them together. Routes speak through an `endpoint`: `queue_endpoint`, whose `queue_speech` runs a context's
jobs on `runpod_queue`. `context`, `timeline`, `messages`, `limits`, `ranges` and `metrics` do no I/O.
"""
