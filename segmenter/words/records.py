"""Lines of a list, an invoice or a form, which end where a reader stops, with no mark to say so."""

from segmenter.words.rules import Written

__all__ = ["with_stops"]

LABEL = Written(r"[^\W_][^\n:：]{0,40}[:：](?=[ \t]|[^\x00-\x7f]|\Z)")  # Present: Smith, 地点：三楼
AMOUNT = Written(
    r"(?:[$£€¥￥₽₹][ \u00a0]?\d[\d.,]{0,15}|"
    r"\d[\d., \u00a0]{0,15}(?:€|£|\$|₽|%|円|元|руб\.?|EUR|USD|CHF|Euro|zł|Kč|kr)(?:/\w+)?)\)?\Z"
)
ENDED = frozenset(".!?…:;,。！？：；，、-–—|")


def with_stops(text: str) -> str:
    """Return the text with a stop where a line with a label or an amount ends without a mark."""
    if "\n" not in text:
        return text
    lines = text.split("\n")
    found = [lines[0]]
    for line in lines[1:]:
        before, after = found[-1].rstrip(), line.strip()
        if before and after and before[-1] not in ENDED and ends(before, after):
            found[-1] = before + ("。" if wide(before) else ".")
        found.append(line)
    return "\n".join(found)


def ends(before: str, after: str) -> bool:
    """Whether two lines are two records: one has a label, or the first ends with an amount."""
    has_label = LABEL.compiled.match(before.lstrip()) or LABEL.compiled.match(after)
    return bool(has_label or (AMOUNT.compiled.search(before) and not after[0].islower()))


def wide(line: str) -> bool:
    """Whether a line is in Chinese or Japanese, which have a stop of their own."""
    return any("\u3040" <= letter <= "\u9fff" for letter in line)
