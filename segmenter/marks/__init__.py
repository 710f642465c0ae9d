"""What is for the eye, found before a text is cut: Markdown, HTML, SSML, LaTeX, addresses. Pure."""

from segmenter.marks.reader import CODE, REASONING, MarkRules, Reader, visible
from segmenter.marks.survey import has_speech, voices, warnings

__all__ = ["CODE", "REASONING", "MarkRules", "Reader", "has_speech", "visible", "voices", "warnings"]
