"""Targets of links, and addresses that stand in the text: how far they go, what is said of them."""

import re

__all__ = ["ADDRESS", "LONGEST", "SAID", "TARGET", "UNTIL", "address_end", "is_target", "shown_address"]

SAID = 60  # letters of an address that are said; a longer one is said by its host
LONGEST = 4_000  # characters of a link's target
WIDE = "\u3000-\u9fff\uac00-\ud7af\uff00-\uffef"
# A bracket closes and another opens: what follows is the next link's.
ADDRESS = re.compile(rf"(?:[^\s<>\"“”«»`|\]{WIDE}\ue000-\ue0ff]|\](?!\())*")
UNTIL = re.compile(rf"[\s<>\"“”«»`|{WIDE}]")  # what ends an address of any length
# One level of brackets inside, as an encyclopedia's addresses have them; then perhaps a title.
TARGET = re.compile(
    rf"\(\s?(?P<target><[^<>\n]{{0,{LONGEST}}}>|(?:[^\s()<>]|\([^\s()<>]{{0,200}}\)){{0,{LONGEST}}})"
    r"(?:[ \t]{1,3}(?:\"[^\"\n]{0,300}\"|'[^'\n]{0,300}'|\([^()\n]{0,300}\)))?\s?\)"
)
SCHEME = re.compile(r"(?:(?:https?|ftp|file)://|mailto:)?", re.IGNORECASE)
TRAILING = ".,;:!?'\"*_>]}"


def is_target(target: str) -> bool:
    """Whether brackets after brackets hold the target of a link, not an aside: [laugh](softly)."""
    return not target or target[0] == "<" or any(mark in target for mark in "/.#:@")


def address_end(text: str) -> int:
    """Return how much of a run of characters is the address: not the sentence's own marks after it."""
    end = len(text)
    opened = text.count("(") - text.count(")")
    while end > max(0, len(text) - 32):
        last = text[end - 1]
        if last not in TRAILING and not (last == ")" and opened < 0):
            break
        opened += last == ")"
        end -= 1
    return end


def shown_address(address: str) -> str:
    """Return what is left of an address for the voice: what is said of it, or its host where that is long."""
    scheme = SCHEME.match(address)
    begin = scheme.end() if scheme else 0
    said = re.split("[?#]", address[begin:], maxsplit=1)[0].rstrip("/")
    if len(said.removeprefix("www.")) > SAID:
        host = said.split("/", 1)[0].rpartition("@")[2].split(":")[0]
        return address[:begin] + host[-SAID:]
    return address if len(address) <= SAID + 20 else address[:begin] + said
