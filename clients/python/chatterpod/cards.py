"""RunPod's pools of cards, and which cards the image's torch has no kernels for, by their names. Pure.

RunPod's catalogue says nothing of a card's architecture, and its pools' names mislead: ADA_32_PRO is the
RTX 5090. A torch built with CUDA 12.4, the image's, stops at sm_90 (Hopper); Blackwell came with 12.8.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chatterpod.errors import ConfigError

__all__ = ["check_pools", "unfit_cards"]

# NVIDIA B200, B300 SXM6 AC, GeForce RTX 5090, RTX PRO 6000 Blackwell Server Edition (MIG 1g.24gb) …
BLACKWELL = re.compile(r"\b(Blackwell|G?B[123]00|RTX 50[5-9]0|RTX PRO \d{4})\b")
SINCE_CUDA = (12, 8)  # that torch has kernels for Blackwell


def check_pools(pools: Sequence[str], gpus: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a pool that the catalogue does not have.

    Raises:
        ConfigError: There is none of this name.
    """
    known = sorted({str(gpu["pool"]) for gpu in gpus if gpu.get("pool")})
    for pool in pools:
        if pool not in known:
            raise ConfigError(f"there is no GPU pool {pool!r}: there are {', '.join(known)}")


def unfit_cards(pools: Iterable[str], cuda: str, gpus: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the cards of these pools that a torch built with this CUDA has no kernels for.

    Args:
        pools: RunPod's ids.
        cuda: such as 12.4.
        gpus: RunPod's catalogue.

    Raises:
        ConfigError: A pool has no other cards.
    """
    if tuple(int(part) for part in cuda.split(".")) >= SINCE_CUDA:
        return []
    unfit: list[str] = []
    for pool in pools:
        cards = [str(gpu["id"]) for gpu in gpus if gpu.get("pool") == pool]
        without = [card for card in cards if BLACKWELL.search(card)]
        if without and len(without) == len(cards):
            raise ConfigError(
                f"the image's torch, built with CUDA {cuda}, has no kernels for {', '.join(without)}, so no "
                f"worker would start on the GPU pool {pool}: choose another --gpu, or build the image with a "
                "torch of CUDA 12.8 or later and pass --min-cuda 12.8"
            )
        unfit += without
    return unfit
