"""The device that models run on, or one line that says why it cannot be had."""

import re
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Protocol, TypeVar

import torch

from worker.errors import StartError

__all__ = ["Capability", "Cuda", "fuses_bf16", "gpu_line", "has_kernels", "on_own_thread", "pick_device"]

Made = TypeVar("Made")
Capability = tuple[int, int]  # a card's compute capability, such as (8, 6)
REMEDY = "start it on a machine with an NVIDIA GPU, or set TTS_DEVICE=cpu"
# What torch was built for: sm_86, sm_90a, sm_120, compute_90. The last digit is the minor version.
ARCHITECTURE = re.compile(r"(?P<kind>sm|compute)_(?P<major>\d+)(?P<minor>\d)(?P<only>[af]?)")


class Cuda(Protocol):
    """What is asked of `torch.cuda`."""

    def is_available(self) -> bool:
        """Return whether there is a GPU that the driver and this torch agree on."""

    def init(self) -> None:
        """Begin to use the GPU; raises what stands in the way."""

    def get_device_name(self) -> str:
        """Return the card's name."""

    def get_device_capability(self) -> Capability:
        """Return the card's compute capability."""

    def get_arch_list(self) -> list[str]:
        """Return the architectures that this torch has kernels for."""


def pick_device(asked: str, cuda: Cuda = torch.cuda) -> torch.device:
    """Return the device for the setting `auto`, `cuda` or `cpu`.

    Raises:
        StartError: A GPU was demanded and there is none that this torch can use, or there is one that
            this torch has no kernels for.
    """
    if asked == "cpu":
        return torch.device("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says in warnings what becomes one line here
        if cuda.is_available():
            check_kernels(cuda)
            return torch.device("cuda")
    if asked == "auto":
        return torch.device("cpu")
    raise StartError(f"TTS_DEVICE=cuda, but {trouble(cuda)}: {REMEDY}")


def check_kernels(cuda: Cuda) -> None:
    """Refuse a card on which the first kernel would fail.

    Raises:
        StartError: This torch has no kernels for the card.
    """
    capability, built_for = cuda.get_device_capability(), cuda.get_arch_list()
    if has_kernels(capability, built_for):
        return
    card = f"sm_{capability[0]}{capability[1]}"
    raise StartError(
        f"torch {torch.__version__} has no kernels for the {cuda.get_device_name()}: the card is {card}, and "
        f"this torch was built for {' '.join(built_for)}. Choose another GPU, install a torch that was "
        f"built for {card}, or set TTS_DEVICE=cpu"
    )


def has_kernels(capability: Capability, built_for: Sequence[str]) -> bool:
    """Return whether a card runs the kernels of a torch that was built for these architectures.

    `sm_XY` is machine code: it runs on the same major and the same or a higher minor version. `compute_XY`
    is compiled on the card and runs on all that came later. With the suffix `a` either runs on that very
    version alone, with `f` on its major version alone. Where no entry can be read, nothing is known
    against the card.
    """
    entries = [read for each in built_for if (read := ARCHITECTURE.fullmatch(each))]
    return not entries or any(runs_on(capability, entry) for entry in entries)


def runs_on(capability: Capability, entry: re.Match[str]) -> bool:
    """Return whether a card runs what was built for one architecture."""
    built = (int(entry["major"]), int(entry["minor"]))
    if entry["only"] == "a":
        return capability == built
    if entry["kind"] == "compute" and not entry["only"]:
        return capability >= built
    return capability[0] == built[0] and capability >= built


def trouble(cuda: Cuda) -> str:
    """Return torch's own reason for not finding a GPU, as one line."""
    try:
        cuda.init()
    except Exception as error:  # noqa: BLE001 - torch raises several kinds
        return " ".join(str(error).split()).rstrip(".")[:160]
    return "there is no GPU"


def gpu_line(device: torch.device) -> str | None:
    """Return the line that operators look for, or None on a CPU."""
    return f"GPU: {torch.cuda.get_device_name(device)}" if device.type == "cuda" else None


@cache
def fuses_bf16() -> bool:
    """Return whether torch's fused attention is the faster one on this CPU in bfloat16.

    It multiplies with MKL, whose bfloat16 is fast with AMX and slow where MKL has but AVX2, as on AMD's
    processors; plain products are oneDNN's, fast on both.
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
