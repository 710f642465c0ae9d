"""The gateway: speech over WebSocket and HTTP for clients that do not have RunPod's key.

`websocket_route`, `openai`, `voices` and `speech_urls` are the routes, behind `handshake` and `http_common`,
which check who asks; `app` puts them together. Routes speak through an `endpoint`: `queue_endpoint`, whose
`queue_speech` runs the jobs of a context on `runpod_queue`. `context`, `context_jobs`, `timeline`,
`messages`, `limits`, `ranges`, `metrics`, `openai_body` and `wording` do no I/O.
"""
