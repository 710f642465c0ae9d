"""What must be known of a text before any work: whether anything is spoken, and in which voices."""

from collections.abc import Iterator

from segmenter.atoms import is_speakable, open_tag
from segmenter.marks.reader import BLOCK, MarkRules, Reader

__all__ = ["has_speech", "voices", "warnings"]


def has_speech(text: str, rules: MarkRules | None = None) -> bool:
    """Whether anything in a text is spoken; no more of it is read than up to the first letter or digit."""
    rest = ""
    for seen in shown(text, Reader(rules)):
        rest += seen
        whole = open_tag(rest)
        if is_speakable(rest[:whole]):
            return True
        rest = rest[whole:]
    return is_speakable(rest)


def shown(text: str, reader: Reader) -> Iterator[str]:
    """Yield what is seen of a whole text, in blocks."""
    for at in range(0, len(text), BLOCK):
        yield reader.push(text[at : at + BLOCK])
    yield reader.finish()


def warnings(text: str, rules: MarkRules | None = None) -> list[str]:
    """Return what is left out of a text that somebody may miss, in words."""
    if not any(opener in text for opener in ("<", "```", "~~~", "---")):
        return []
    reader = Reader(rules)
    for _ in shown(text, reader):
        pass
    return list(reader.warnings)


def voices(text: str, rules: MarkRules | None = None) -> list[str]:
    """Return the names of the voices that a text asks for, in order, each once."""
    if "[voice:" not in text:
        return []
    reader = Reader(rules)
    for _ in shown(text, reader):
        pass
    return list(dict.fromkeys(name for _, name in reader.voices))
