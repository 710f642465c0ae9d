"""Upstream's own class, and its `generate` with a bound on the tokens: random weights never stop."""

import contextlib
import io
import warnings
from typing import Any

import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from chatterbox.tts_turbo import ChatterboxTurboTTS, punc_norm

__all__ = ["Theirs"]

SILENCE = 4299
SPEECH_IDS = 6561


class Theirs:
    """Upstream's model on the CPU, as `from_local` loads it."""

    def __init__(self, folder: str) -> None:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            self.model: Any = ChatterboxTurboTTS.from_local(folder, "cpu")

    def speak(self, text: str, tokens: int) -> int:
        """Return the samples of a text, step by step as `generate` in tts_turbo.py 0.1.7."""
        model = self.model
        with torch.inference_mode(), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = model.tokenizer(punc_norm(text), return_tensors="pt", padding=True, truncation=True)
            speech = model.t3.inference_turbo(
                t3_cond=model.conds.t3, text_tokens=given.input_ids, max_gen_len=tokens - 1
            )
            spoken = torch.cat([speech[speech < SPEECH_IDS], torch.full((3,), SILENCE)])
            with contextlib.redirect_stdout(io.StringIO()):
                wave, _ = model.s3gen.inference(
                    speech_tokens=spoken, ref_dict=model.conds.gen, n_cfm_timesteps=2
                )
            marked = model.watermarker.apply_watermark(wave[0].numpy(), sample_rate=model.sr)
        return len(marked)
