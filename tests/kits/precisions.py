"""Marks for tests that compute in a precision that not every processor has instructions for.

Chatterbox refuses such a precision there, or would compute something else.
"""

import pytest
import torch

from worker.engines.chatterbox.tensors import packs_bf16

__all__ = ["BF16", "HAS_INT8", "INT8", "PRECISIONS"]

HAS_INT8 = torch.cpu._is_vnni_supported()
BF16 = pytest.mark.skipif(not packs_bf16(), reason="this processor has no instructions for bfloat16")
INT8 = pytest.mark.skipif(not HAS_INT8, reason="this processor has no instructions for int8 (VNNI)")
PRECISIONS = ["fp32", pytest.param("bf16", marks=BF16), pytest.param("int8", marks=INT8)]
