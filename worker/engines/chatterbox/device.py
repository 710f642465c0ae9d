"""The device that models run on, or one line that says why it cannot be had."""

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

from worker.errors import StartError

__all__ = ["fuses_bf16", "gpu_line", "on_own_thread", "pick_device"]

Made = TypeVar("Made")
REMEDY = "start it on a machine with an NVIDIA GPU, or set TTS_DEVICE=cpu"


def pick_device(asked: str) -> torch.device:
    """Return the device for the setting `auto`, `cuda` or `cpu`.

    Raises:
        StartError: A GPU was demanded and there is none that this torch can use.
    """
    if asked == "cpu":
        return torch.device("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says in a warning what `init` raises below
        found = torch.cuda.is_available()
    if found:
        return torch.device("cuda")
    if asked == "auto":
        return torch.device("cpu")
    raise StartError(f"TTS_DEVICE=cuda, but {trouble()}: {REMEDY}")


def trouble() -> str:
    """Return torch's own reason for not finding a GPU, as one line."""
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]  # torch's own lack
    except Exception as error:  # noqa: BLE001 - torch raises several kinds
        return " ".join(str(error).split()).rstrip(".")[:160]
    return "there is no GPU"


def gpu_line(device: torch.device) -> str | None:
    """Return the line that operators look for, or None on a CPU."""
    return f"GPU: {torch.cuda.get_device_name(device)}" if device.type == "cuda" else None


@cache
def fuses_bf16() -> bool:
    """Return whether torch's fused attention is the quicker one on this CPU in bfloat16.

    It multiplies with MKL, whose bfloat16 is quick with AMX and slow where MKL has but AVX2, as on AMD's
    processors; plain products are oneDNN's, quick on both.
    """
    return torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - the only name it has


def on_own_thread(make: Callable[[], Made]) -> Made:
    """Return what `make` makes, on a thread that ends with it and takes its OpenMP workers along.

    libgomp gives every thread that computes workers of its own. Once all of them together are more than
    the processor's cores, waiting workers sleep at once instead of looking for work a little longer, and
    each of a step's hundreds of small products has to wake them.
    """
    with ThreadPoolExecutor(1, "load") as pool:
        return pool.submit(make).result()
