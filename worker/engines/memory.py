"""How much memory the engine has taken at most: the GPU's where it works there, else the process's."""

import resource
import sys

__all__ = ["peak_memory_mb"]


def peak_memory_mb() -> int:
    """Return megabytes; nothing is imported for it, and nothing waits for the GPU."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_reserved() / 1e6)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
