"""RunPod Serverless on this machine: its queue, its API and its way with workers.

For development, tests and a first try without an account. It is no production server: it keeps
everything in memory, listens on 127.0.0.1 alone and trusts whoever reaches it there.
"""
