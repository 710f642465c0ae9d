"""SSML's `<say-as>`, written into what is seen so that no rule for numbers takes it for something else."""

import re

from segmenter.atoms import glued

__all__ = ["ANNOTATED", "SAY_AS", "said_as"]

SAY_AS = {"characters": "c", "spell-out": "c", "digits": "g", "telephone": "t", "ordinal": "o", "date": "d"}
BEGIN, END = "\ue010", "\ue011"
# The kind, a date's format, and what is said.
ANNOTATED = re.compile(f"{BEGIN}([cgtod])([ymd]{{0,3}}){END}([^{BEGIN}{END}]*){END}")


def said_as(kind: str, form: str, content: str) -> str:
    """Return how what is said that way is written; `segmenter.words` reads it."""
    order = "".join(letter for letter in form.lower() if letter in "ymd")[:3]
    plain = re.sub(f"[{BEGIN}{END}]", "", content)
    return f"{BEGIN}{SAY_AS[kind]}{order}{END}{glued(plain)}{END}"
