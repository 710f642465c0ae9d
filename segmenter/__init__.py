"""Text to segments that a voice can speak, the first of them early. Pure."""

from segmenter.cutting.packing import Segment, Sizes
from segmenter.cutting.sentences import sentences
from segmenter.cutting.streaming import Segmenter, iter_plan, plan

__all__ = ["Segment", "Segmenter", "Sizes", "iter_plan", "plan", "sentences"]
