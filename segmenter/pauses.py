"""How long the pauses of speech are, in milliseconds: the one place.

A client that stands alone repeats what it needs of them; `tests/segmenter/test_pauses.py` compares.
"""

__all__ = ["CLAUSE_MS", "HEADING_MS", "LINE_MS", "PARAGRAPH_MS", "SENTENCE_MS", "TURN_MS"]

CLAUSE_MS = 150  # within a sentence
SENTENCE_MS = 300  # also at the end of a text
LINE_MS = 450  # a line or an item of a list
HEADING_MS = 600
PARAGRAPH_MS = 700
TURN_MS = 400  # where the voice changes, without a pause of its own
