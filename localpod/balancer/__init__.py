"""RunPod's load balancer on this machine: it starts workers and leads requests straight to their servers.

What RunPod documents is done as documented (docs/start/local.md has the list); what it does not, such as the
bodies of its errors and how often it pings, is this project's assumption.
"""

from localpod.balancer.app import create_app

__all__ = ["create_app"]
