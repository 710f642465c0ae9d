"""Text to segments that a voice can speak, the first of them early. Pure."""

from segmenter.cutting.sentences import Silence
from segmenter.cutting.sizes import Segment, Sizes
from segmenter.cutting.streaming import Segmenter, iter_plan, plan, recut, sentences
from segmenter.marks import MarkRules, has_speech, voices

__all__ = [
    "MarkRules",
    "Segment",
    "Segmenter",
    "Silence",
    "Sizes",
    "has_speech",
    "iter_plan",
    "plan",
    "recut",
    "sentences",
    "voices",
]
