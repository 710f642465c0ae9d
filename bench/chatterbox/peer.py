"""A peer that streams Chatterbox-Turbo, beside upstream by sentence and ours; left out where it is not there.

The peer is chatterstream-tts (MIT; `pip install --no-deps chatterstream-tts==0.0.2`), which drives upstream's
models step by step. It runs here with its own defaults, save that the weights are those already loaded, that
the tokens are bounded, and for two things that fail as released: its watermark calls a method that
resemble-perth 1.0.1 does not have, so there is none, and on a CPU it must be run in inference mode.
"""

import asyncio
import contextlib
import importlib
import io
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from bench.chatterbox.speaking import HUNDRED, PACE, STORY, by_sentence, through_worker, warm_worker
from bench.chatterbox.theirs import Theirs
from bench.table import Guard, Row

__all__ = ["rows"]

PACKAGE = "chatterstream-tts"
MODULE = "chatterstream"


def rows(load: Callable[[], Theirs], baked: Path, guard: Guard) -> list[Row]:
    """Return the rows of 600 characters, all warm, ours in int8; none, and a line, without the peer."""
    guard()
    try:
        named = f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        print(f"peer: {PACKAGE} is not installed, so that it has no rows")
        return []
    model = load()
    model.speak(HUNDRED, bound(HUNDRED))
    streamed(model, HUNDRED)
    guard()
    first, whole = by_sentence(model)
    guard()
    peer_first, peer_whole = streamed(model, STORY)
    guard()
    with warm_worker(baked) as pod:
        ours = through_worker(pod, "int8", lambda: first, None, 1)
    guard()
    name = f"600 characters, {named}"
    return [
        *ours,
        Row(f"{name}: first audio", peer_first, "s", against="upstream by sentence", against_value=first),
        Row(f"{name}: real-time factor", peer_whole, "", against="upstream by sentence", against_value=whole),
    ]


def bound(text: str) -> int:
    """Return the speech tokens that a text is given: random weights never stop."""
    return round(PACE * len(text))


def streamed(model: Theirs, text: str) -> tuple[float, float]:
    """Return the peer's seconds to the first audio, and its real-time factor over the whole text."""
    peer: Any = importlib.import_module(MODULE)
    config = peer.StreamConfig(max_gen_len=bound(text) - 1)
    voice = peer.StreamingTTS(device="cpu", config=config, watermark=False)
    with patch.object(type(model.model), "from_pretrained", lambda _device: model.model):
        voice.load()
    silent = io.StringIO()
    with torch.inference_mode(), contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        return asyncio.run(heard(voice, text))


async def heard(voice: Any, text: str) -> tuple[float, float]:
    """Return the seconds to the first chunk with audio, and the real-time factor over all of them."""
    began = time.perf_counter()
    first, samples = 0.0, 0
    async for chunk in voice.synthesize(text):
        first = first or time.perf_counter() - began
        samples += len(chunk.pcm_bytes) // 2
    return first, (time.perf_counter() - began) * 24_000 / samples
