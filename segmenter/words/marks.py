"""Marks that are for the eye: Markdown, emoji, control characters, typographic punctuation."""

import html
import re
import unicodedata

__all__ = ["composed", "tidied", "unlinked", "unmarked"]

QUOTES = str.maketrans("“”„‟«»″‘’‚‛‹›′´", '"""""""' + "''''" + "''" + "''")
GUILLEMETS = re.compile(r"«[ \u00a0\u202f]+|[ \u00a0\u202f]+»(?=[\s.,;:!?)]|\Z)")
LINK = re.compile(
    r"!?\[([^\[\]\n]{0,200})\]\((?=[^\s()]{0,300}[/.#:@])[^\s()]{1,300}(?:[ \t]\"[^\"\n]{0,80}\")?\)"
)
FOOTNOTE = re.compile(r"(?<=[\w.,;!?\"'”’)])\[\^?\d{1,3}\]|\[\^\w{1,20}\]:?")
TASK = re.compile(r"^([ \t]*[-*+][ \t]+)\[[ xX]\](?=[ \t])", re.MULTILINE)
AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,500})>")
UNSEEN = re.compile(
    r"<!--.{0,500}?-->|<[!?][a-z][^<>]{0,200}>|<(?P<name>script|style)\b[^<>]{0,200}>.{0,500}?</(?P=name)\s{0,9}>",
    re.IGNORECASE | re.DOTALL,
)
HTML = re.compile(
    r"<(?P<close>/?)(?P<name>[a-z][\w:-]{0,30})(?P<rest>(?:\s[^<>\n]{0,200})?/?)>", re.IGNORECASE
)
CLOSING = re.compile(r"</([a-z][\w:-]{0,30})", re.IGNORECASE)
BREAKING = frozenset(
    "div p br hr ul ol li h1 h2 h3 h4 h5 h6 blockquote table tr td th pre article section break".split()  # noqa: SIM905
)
# never a word that somebody put between angle brackets, to be filled in
TAGS = BREAKING | frozenset(
    "a b i u s em strong code span sub sup small mark del ins kbd img svg font html speak prosody".split()  # noqa: SIM905
)
FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[\w+-]{0,20}[ \t]*$", re.MULTILINE)
RULE = re.compile(r"^[ \t:|=*_~#>+-]++$", re.MULTILINE)
LINE_START = re.compile(r"^[ \t]*(?:(?:>|#{1,6}(?=[ \t])|[-*+•⁃◦▪‣·–—―](?=[ \t]))[ \t]*)+", re.MULTILINE)
ESCAPED = re.compile(r"\\(?=[^\w\s])")
EMPHASIS = re.compile(
    r"(?<!\w)(?:[*_`]|~(?![\d$€£¥]))+(?=\S)|(?<=\S)[*_~`]+(?!\w)|\*\*+|~~+|``+|\*(?=[^\x00-\x7f])|(?<=[^\x00-\x7f])\*"
)
POWER = re.compile(r"(?<=\d)\*\*(?=\d)")
UNDERSCORE = re.compile(r"(?<=\w)_+(?=\w)")
PIPE = re.compile(r"[ \t]*\|[ \t|]*")
EMOTICON = re.compile(r"(?<!\S)(?:[:;]-?[()DPp]|:'\()(?!\S)|<3(?=\s*\Z)")
ARROW = re.compile(r"[ \t]*(?:[-=]+>|[←-⇿⟵-⟿])[ \t]*")
DASH = re.compile(r"[ \t]*(?:[—―]|(?<!-)--(?!-))[ \t]*|(?<!\d)[ \t]+[-–][ \t]+|[ \t]+[-–][ \t]+(?!\d)")
HYPHEN = re.compile(r"[‐‑]")
SPACES = re.compile(r"\s+")
REPEATED = re.compile(r"[!?！？]{2,}")
DOTS = re.compile(r"(?<!\.)\.{2}(?!\.)|\.{4,}|…+|(?:\. ){2,}\.")
DOUBLED = re.compile(r"([,;:、。，；：،؛।\"])\1+")
RUN = re.compile(r"[-=_*~#^|<>\\]{3,}")
LONE = re.compile(r"(?<!\S)[*_~`#^|<>\\•·]+(?!\S)")
COMMAS = re.compile(r"(?:,[ \t]*)+(?=[,.;:!?])|(?<=[.;:!?(])(?:[ \t]*,)+")
JOINER = re.compile(r" ?\u2060 ?")  # tables write it where a word joins its neighbour
EDGE = re.compile(r"\A[\s,;]+|[\s,]+\Z")
BEFORE_STOP = re.compile(r" +(?=[,.;:!?)](?:[\s,.;:!?)]|\Z))|(?<=\() +")
KEPT_SYMBOLS = frozenset("°№℃℉")


def composed(text: str) -> str:
    """Return the text composed (NFC), with only characters that are seen: see `kept`."""
    if text.isascii() and text.isprintable():
        return text
    letters = [kept(letter) for letter in unicodedata.normalize("NFC", text)]
    return unicodedata.normalize("NFC", "".join(letters))


def kept(letter: str) -> str:
    """Return a character as it is kept: no controls, nothing without width, no emoji."""
    if letter in "\t\n\r\u2028\u2029\u0085\v\f":
        return "\n" if letter in "\n\r\u2028\u2029\u0085" else " "
    category = unicodedata.category(letter)
    if category in {"Cc", "Cf", "Cs", "Co", "Cn", "Me"} or "\ufe00" <= letter <= "\ufe0f":
        return ""
    if (category == "So" and letter not in KEPT_SYMBOLS) or "\U0001f3fb" <= letter <= "\U0001f3ff":
        return " "
    return letter


def unlinked(text: str) -> str:
    """Return the text with links by their words, and without what else looks like a tag."""
    if "[" in text:
        text = TASK.sub(r"\1", FOOTNOTE.sub("", LINK.sub(r"\1", text)))
    if "<" in text:
        text = untagged(AUTOLINK.sub(r"\1", text))
    if "&" in text:
        text = html.unescape(text)
    return text


def untagged(text: str) -> str:
    """Return the text without comments, scripts and tags of HTML and SSML; `<name>` alone may be a word."""
    closed = {name.lower() for name in CLOSING.findall(text)}

    def seen(tag: re.Match[str]) -> str:
        name, rest = tag["name"].lower(), tag["rest"]
        if name in BREAKING:
            return " "
        known = name in TAGS or name in closed or "=" in rest or rest.endswith("/")
        return "" if known else tag[0]

    return HTML.sub(seen, UNSEEN.sub(" ", text))


def unmarked(text: str) -> str:
    """Return the text without Markdown, with plain quotes, dashes and arrows as pauses."""
    text = LINE_START.sub("", RULE.sub("", FENCE.sub("", text)))
    text = EMPHASIS.sub("", POWER.sub("^", ESCAPED.sub("", text).replace("\\", " ")))
    text = UNDERSCORE.sub(" ", text)
    text = GUILLEMETS.sub('"', PIPE.sub(", ", text)).translate(QUOTES)
    text = EMOTICON.sub("", text)
    return HYPHEN.sub("-", DASH.sub(", ", ARROW.sub(", ", text)))


def tidied(text: str) -> str:
    """Return the text with single spaces and no repeated punctuation."""
    text = JOINER.sub("", text)
    text = LONE.sub(" ", RUN.sub(" ", REPEATED.sub(once, text)))
    text = SPACES.sub(" ", DOUBLED.sub(r"\1", DOTS.sub("...", text)))
    text = BEFORE_STOP.sub("", text)
    text = COMMAS.sub("", text)
    return SPACES.sub(" ", EDGE.sub("", text))


def once(match: re.Match[str]) -> str:
    """Return one mark for many: a question that is also a shout keeps both."""
    run = match[0]
    wide = run[0] in "！？"
    asks, shouts = ("？", "！") if wide else ("?", "!")
    has = [mark for mark, kinds in ((asks, "?？"), (shouts, "!！")) if any(k in run for k in kinds)]
    return "".join(has)
