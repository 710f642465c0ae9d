"""Where the first words of a text that is still being written can be spoken. No I/O.

The segmenter decides as if the whole text were there, and so waits to see whether a sentence is short
enough to be spoken whole. Whoever waits for the first sound of an answer would rather have its first
clause now: here it is cut off as soon as a word has begun after it.
"""

import re

from segmenter import sentences

__all__ = ["first_cut"]

LEAST = 25  # characters: less is not spoken well alone
MOST = 300  # characters in which to look: later the segmenter has long decided
CLAUSE = re.compile(r"[,;:—–][\"'”’)]*\s+(?=\S)")
NEXT_CLAUSE = re.compile(r"[、，；：。！？]")  # followed by no space where words are not spaced


def first_cut(text: str, language: str = "en") -> int | None:
    """Return where the first clause or sentence of at least 25 characters ends, None while it does not.

    The end lies behind the spaces after it. A cut inside brackets, of a tag or of a remark, is none.
    """
    head = text[:MOST]
    ends = [match.end() for pattern in (CLAUSE, NEXT_CLAUSE) for match in pattern.finditer(head)]
    ends += sentence_ends(head, language)
    fit = [end for end in ends if end >= LEAST and end < len(text) and balanced(text[:end])]
    return min(fit, default=None)


def sentence_ends(head: str, language: str) -> list[int]:
    """Return the ends of the sentences that another has begun after, each with its spaces."""
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
