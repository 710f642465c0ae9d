"""TorchScript, in one place: many operations as one call from Python.

torch deprecates it since 2.10, and what it names instead does not do this. `torch.compile` and AOTInductor
need a C++ compiler and a minute where the worker starts, and a graph of `torch.export` is run from Python
again, operation by operation, which costs a step of int8 its 9 to 14 % (docs/explanation/benchmarks.md).
"""

import warnings
from typing import Any

import torch

__all__ = ["scripted"]


def scripted(code: Any) -> Any:
    """Return a function or a module as TorchScript."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(code)
