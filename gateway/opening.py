"""Where to cut the first words off a text that is still being written. No I/O.

The segmenter cuts as it would cut the whole text, so it waits to see whether a sentence is short enough
to be spoken whole. To have the first audio of an answer sooner, its first clause is cut off here as soon
as a word has begun after it.
"""

import re

from segmenter import sentences

__all__ = ["first_cut"]

LEAST = 25  # characters: a shorter text is not spoken well alone
MOST = 300  # characters to search: the segmenter cuts before that
CLAUSE = re.compile(r"[,;:—–][\"'”’)]*\s+(?=\S)")
NEXT_CLAUSE = re.compile(r"[、，；：。！？]")  # in scripts without spaces


def first_cut(text: str, language: str = "en") -> int | None:
    """Return where the first clause or sentence of at least `LEAST` characters ends; None if none has ended.

    The end is after the following spaces. There is no cut inside brackets.
    """
    head = text[:MOST]
    ends = [match.end() for pattern in (CLAUSE, NEXT_CLAUSE) for match in pattern.finditer(head)]
    ends += sentence_ends(head, language)
    fit = [end for end in ends if end >= LEAST and end < len(text) and balanced(text[:end])]
    return min(fit, default=None)


def sentence_ends(head: str, language: str) -> list[int]:
    """Return the ends, with following spaces, of the sentences after which another has begun."""
    whole_words = head[: max(head.rfind(" "), head.rfind("\n")) + 1]
    if not whole_words.strip():
        return []
    ends, at = [], 0
    for sentence in sentences(whole_words, language)[:-1]:
        at = head.index(sentence, at) + len(sentence)
        ends.append(at + len(head[at:]) - len(head[at:].lstrip()))
    return ends


def balanced(text: str) -> bool:
    """Whether every bracket is closed."""
    return all(text.count(pair[0]) <= text.count(pair[1]) for pair in ("[]", "()"))
