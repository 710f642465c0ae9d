"""LaTeX as one would write it without: x squared as x², a fraction with a sign of division."""

import re

__all__ = ["is_math", "plain_math"]

SIGNS = "times × cdot × div ÷ pm ± leq ≤ le ≤ geq ≥ ge ≥ neq ≠ ne ≠ approx ≈ sim ≈ to → rightarrow → infty ∞"
SIGNS += " lt < gt > ldots ... dots ... cdots ... degree ° circ °"
NAMES = dict(zip(SIGNS.split()[::2], SIGNS.split()[1::2], strict=True))
NAMES |= dict.fromkeys(["left", "right", "displaystyle", "limits", "big", "Big", "quad", "qquad"], "")
LAYOUT = re.compile(
    r"\\(?:text|mathrm|mathbf|mathit|mathcal|mathbb|operatorname|textbf|textit|boxed)\s?\{([^{}]{0,200})\}"
)
FRACTION = re.compile(r"\\[dt]?frac\s?\{([^{}]{0,80})\}\s?\{([^{}]{0,80})\}")
ROOT = re.compile(r"\\sqrt\s?\{([^{}]{0,80})\}")
RAISED = re.compile(r"\s?\^\s?(?:\{(-?\d{1,9})\}|(\d))")
BRACED = re.compile(r"\^\s?\{([^{}]{0,40})\}")
LOWERED = re.compile(r"_\s?(?:\{([^{}]{0,40})\}|(\w))")
COMMAND = re.compile(r"\\([A-Za-z]{1,30})\s?|\\([,;:! ])|\\(.)")
FUNCTIONS = "sin|cos|tan|log|ln|max|min|lim|mod|exp"
LETTERS = re.compile(rf"(?<![A-Za-z\x01])(?!(?:{FUNCTIONS})(?![a-z]))([a-z]{{2,3}})(?![A-Za-z\x01])")
SIGN = re.compile(r"\s*([=+<>×÷±≤≥≠≈→]|(?<=[\w)²³ ])-(?=[\w( √]))\s*")
MATH = re.compile(r"[\\^_={}]|[A-Za-z0-9)]\s?[+<>*/-]\s?[A-Za-z0-9(]")
PROSE = re.compile(r"\]\(|://|&\w{2,31};|</?[a-z]{2,}[\s>]")  # a link, an entity, a tag: no formula has these
TOKEN = re.compile(r"[A-Za-z]['′]?(?:\([A-Za-z, ]{1,20}\))?\Z")
POWERS = {"2": "²", "3": "³"}


def is_math(content: str) -> bool:
    """Whether what stands between two dollars is mathematics, rather than prose between two prices."""
    if PROSE.search(content):
        return False
    return TOKEN.match(content) is not None or (
        MATH.search(content) is not None and not re.match(r"\d[\d,.]*\s+[a-z]{2,}", content)
    )


def plain_math(content: str) -> str:
    """Return LaTeX's mathematics as plain text, on one line; linear in its length."""
    text = LAYOUT.sub(lambda match: f" \x01{match[1]}\x01 ", content)
    for _ in range(2):
        text = FRACTION.sub(divided, ROOT.sub(r" √\1 ", text))
    text = RAISED.sub(lambda match: raised(match[1] or match[2]), text)
    text = LOWERED.sub(lambda match: " " + (match[1] or match[2]) + " ", BRACED.sub(r"^\1 ", text))
    text = COMMAND.sub(command, text)
    text = re.sub("[{}&$]", " ", text)
    text = LETTERS.sub(lambda match: " ".join(match[1]), text).replace("\x01", "")
    text = re.sub(r"(?<=\d)(?=[A-Za-z])", " ", text)
    return " ".join(SIGN.sub(r" \1 ", text).split())


def divided(match: re.Match[str]) -> str:
    """Return a fraction: of digits as one writes it, else with a sign of division."""
    above, below = match[1].strip(), match[2].strip()
    return f" {above}/{below} " if above.isdigit() and below.isdigit() else f" {above} ÷ {below} "


def raised(power: str) -> str:
    """Return a power: ² and ³ have a sign of their own."""
    return POWERS.get(power, f"^{power}") + " "


def command(match: re.Match[str]) -> str:
    """Return what a command stands for; a Greek letter and a function by their names."""
    if match[1] is None:
        return " " if match[2] is not None else match[3]
    return NAMES[match[1]] + " " if match[1] in NAMES else f" \x01{match[1]}\x01 "
