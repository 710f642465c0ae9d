"""The device that is chosen, and the line that says why it cannot be had."""

from dataclasses import dataclass

import pytest
import torch

from worker.engines.chatterbox.device import Capability, has_kernels, pick_device
from worker.errors import StartError

TORCH_2_6 = ["sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"]  # built with CUDA 12.4
TORCH_2_10 = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]  # built with CUDA 12.8


@dataclass
class Card:
    """A machine with one card, as `torch.cuda` describes it; no card where there is no capability."""

    capability: Capability | None
    built_for: list[str]
    name: str = "NVIDIA GeForce RTX 5090"

    def is_available(self) -> bool:
        return self.capability is not None

    def init(self) -> None:
        raise RuntimeError("Found no NVIDIA driver\non your system.")

    def get_device_name(self) -> str:
        return self.name

    def get_device_capability(self) -> Capability:
        assert self.capability is not None
        return self.capability

    def get_arch_list(self) -> list[str]:
        return self.built_for


@pytest.mark.parametrize(
    ("capability", "built_for", "runs"),
    [
        ((5, 2), TORCH_2_6, True),  # Maxwell: sm_50
        ((7, 0), TORCH_2_6, True),  # V100
        ((7, 5), TORCH_2_6, True),  # T4
        ((8, 0), TORCH_2_6, True),  # A100
        ((8, 6), TORCH_2_6, True),  # A4000, 3090
        ((8, 9), TORCH_2_6, True),  # 4090, L4: sm_86
        ((9, 0), TORCH_2_6, True),  # H100
        ((10, 0), TORCH_2_6, False),  # B200
        ((10, 3), TORCH_2_6, False),  # B300
        ((12, 0), TORCH_2_6, False),  # 5090, RTX PRO 6000 and its slices
        ((3, 7), TORCH_2_6, False),  # K80
        ((7, 0), TORCH_2_10, False),
        ((10, 0), TORCH_2_10, True),
        ((10, 3), TORCH_2_10, True),
        ((12, 0), TORCH_2_10, True),
        ((12, 1), TORCH_2_10, True),
        ((11, 0), TORCH_2_10, False),
        ((8, 6), ["sm_89"], False),  # machine code for a higher minor version
        ((12, 0), ["sm_90", "compute_90"], True),
        ((12, 0), ["compute_120"], True),
        ((9, 0), ["compute_100"], False),
        ((9, 0), ["sm_90a"], True),
        ((10, 0), ["sm_90a", "compute_90a"], False),
        ((10, 3), ["sm_100a"], False),
        ((10, 3), ["sm_100f"], True),
        ((10, 3), ["compute_100f"], True),
        ((12, 0), ["sm_100f", "compute_100f"], False),
        ((9, 0), ["gfx90a"], True),  # not NVIDIA's: nothing is known against the card
        ((9, 0), [], True),
    ],
)
def test_a_card_runs_what_was_built_for_it(
    capability: Capability, built_for: list[str], *, runs: bool
) -> None:
    assert has_kernels(capability, built_for) is runs


@pytest.mark.parametrize("asked", ["auto", "cuda"])
def test_a_card_without_kernels_is_one_line_with_the_remedy(asked: str) -> None:
    with pytest.raises(StartError) as caught:
        pick_device(asked, Card((12, 0), TORCH_2_6))
    said = str(caught.value)
    assert said.startswith(f"torch {torch.__version__} has no kernels for the NVIDIA GeForce RTX 5090")
    for part in ("sm_120", "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90", "TTS_DEVICE=cpu"):
        assert part in said
    assert "\n" not in said


def test_a_card_with_kernels_is_taken_and_none_is_asked_for_where_the_cpu_was_chosen() -> None:
    assert pick_device("auto", Card((12, 0), TORCH_2_10)).type == "cuda"
    assert pick_device("cuda", Card((8, 6), TORCH_2_6)).type == "cuda"
    assert pick_device("cpu", Card((12, 0), TORCH_2_6)).type == "cpu"


def test_without_a_card_the_cpu_is_taken_unless_a_gpu_was_demanded() -> None:
    nothing = Card(None, TORCH_2_6)
    assert pick_device("auto", nothing).type == "cpu"
    with pytest.raises(
        StartError, match=r"^TTS_DEVICE=cuda, but Found no NVIDIA driver on your system: start"
    ):
        pick_device("cuda", nothing)
