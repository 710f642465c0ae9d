"""RunPod Serverless on this machine: its queue, its API, and its handling of workers.

For development, tests and a first try without an account. It is not a production server: it keeps
everything in memory, listens on 127.0.0.1 only, and serves every process that can connect there.
"""
