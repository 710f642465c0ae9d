"""Whether a server takes speech now: what `/ping` answers, as RunPod's load balancer asks it. No I/O."""

from enum import Enum

__all__ = ["Readiness"]


class Readiness(Enum):
    """The states of a server, each with the HTTP status of its health check."""

    READY = "ready"
    LOADING = "loading"  # its engine; speech that comes waits
    DRAINING = "draining"  # what is being spoken ends, new speech is refused
    DEAD = "dead"  # the engine died: the process ends

    @property
    def status(self) -> int:
        """200 is healthy, 204 starting, any other takes the server out of the balancer's pool."""
        return {Readiness.READY: 200, Readiness.LOADING: 204}.get(self, 503)

    @property
    def takes_speech(self) -> bool:
        """Whether new speech is taken."""
        return self in {Readiness.READY, Readiness.LOADING}
