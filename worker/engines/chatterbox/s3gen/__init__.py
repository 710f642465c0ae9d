"""S3Gen of Chatterbox: speech tokens to a waveform, in plain torch.

`encoder` (upsampling conformer) and `estimator` (two steps of Turbo's mean flow, or ten guided ones of
the multilingual model's) make a mel spectrogram, `source` and `vocoder` (HiFT) make the waveform. Equal
to chatterbox-tts 0.1.7 in single precision (tests/engines/chatterbox/s3gen/, multilingual/).
"""

from worker.engines.chatterbox.s3gen.model import SPEECH_IDS, S3Gen, S3Job, S3Voice
from worker.engines.chatterbox.s3gen.tensors import folded, needs_full_precision

__all__ = ["SPEECH_IDS", "S3Gen", "S3Job", "S3Voice", "folded", "needs_full_precision"]
