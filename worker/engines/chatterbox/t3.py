"""What T3 is in both models: its speech tokens, its head, and what makes its matrix products."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from worker.engines.chatterbox.linear import Linear
from worker.errors import StartError

__all__ = ["HEAD", "HEAD_SIZE", "SILENCE", "START", "STOP", "Make", "check_tensor", "count_layers"]

HEAD = "speech_head"  # the one product whose weight every checkpoint stores as [out, in]
HEAD_SIZE = 64
START, STOP = 6561, 6562  # speech tokens that stand for no sound
SILENCE = 4299  # the speech token of silence

Make = Callable[[str], Linear]  # from a weight's name to its product


def count_layers(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """Return how many blocks there are below `prefix`, which has two parts."""
    return len({name.split(".")[2] for name in tensors if name.startswith(prefix)})


def check_tensor(
    tensors: Mapping[str, Tensor], name: str, release: str, shape: tuple[int, ...] | None = None
) -> None:
    """Refuse a tensor that is missing, or has another shape, either way round; quantised ones are int8.

    Raises:
        StartError: The message names the tensor, and the release that has it.
    """
    found = tensors.get(name)
    if found is None:
        raise StartError(f"the T3 weights lack {name}: are they {release}?")
    if shape is not None and tuple(found.shape) not in {shape, shape[::-1]}:
        raise StartError(f"the T3 weights hold {name} as {list(found.shape)}, expected {list(shape)}")
    if not (found.dtype.is_floating_point or (found.dtype == torch.int8 and name.endswith(".weight"))):
        raise StartError(f"the T3 weights hold {name} as {found.dtype}, expected floats")
