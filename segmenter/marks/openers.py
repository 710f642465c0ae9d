"""What finds the next place in a text where a construct may begin."""

import re

__all__ = ["FIRST", "GROWING", "NOTHING", "OPENERS", "PLAIN_ONLY", "opener_pattern"]

RESERVED = "\ue000-\ue0ff"  # what atoms are written with, in what is seen; nothing else has these
FIRST = re.compile(rf"[<\[`$&\\{RESERVED}【]|~~~|data:")
MEDIA = "image|audio|video|text|application|font"
AFTER_WORD = "(?<=[a-zA-Z]/)" + "".join(f"(?<!data:{kind}/)" for kind in MEDIA.split("|"))
# It begins with one set of characters, so that the search skips all others fast. No letter is among them: an
# address is found by the mark after its scheme.
OPENERS = re.compile(
    rf"[<\[\]`$&\\~/.:{RESERVED}【](?:"
    rf"(?<=[\[\]`$\\{RESERVED}])|{AFTER_WORD}(?=[^\s/])"
    r"|(?<=<)(?=[A-Za-z/!?\d]|\Z)|(?<=&)(?=[#A-Za-z]|\Z)|(?<=【)(?=\d|\Z)|(?<=~)~~"
    r"|(?<=[a-z]{4}\.)(?=\d{1,3}(?:\s|\Z))|(?<=(?<!\w)(?P<web>[wW][wW][wW])\.)"
    r"|(?<=:)(?=//)(?:(?<=(?<!\w)(?P<https>[hH][tT][tT][pP][sS]):)|(?<=(?<!\w)(?P<http>[hH][tT][tT][pP]):)"
    r"|(?<=(?<!\w)(?P<ftp>[fF][tT][pP]):)|(?<=(?<!\w)(?P<file>[fF][iI][lL][eE]):))"
    r"|(?<=(?<!\w)(?P<mail>[mM]ailto):)"
    rf"|(?<=(?<!\w)(?P<data>[dD]ata):)(?=(?:{MEDIA})/[\w.+-]{{1,80}}[;,]))",
)
# what the end of a piece may be the beginning of
GROWING = re.compile(r"(?:(?<!\w)[A-Za-z][\w.+:/-]{0,130}|!|~{1,2})\Z")
NOTHING = re.compile(r"(?!)")
PLAIN_ONLY = re.compile(f"[{RESERVED}]")


def opener_pattern(openers: re.Pattern[str], phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds the next construct, or the next of the phrases."""
    if not phrases:
        return openers
    either = "|".join(re.escape(phrase) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?P<phrase>(?i:{either}))(?!\w)|{openers.pattern}")
