"""Signs of prose and of code that stand for words: dashes between dates, * and †, <=, --soft, (m/w/d)."""

from segmenter.words.dates_times import joined_dates
from segmenter.words.languages import WordTable
from segmenter.words.rules import Written

__all__ = ["written_out"]

COMPARISONS = {"<=": "≤", ">=": "≥", "!=": "≠"}
COMPARED = Written(r"(?<=[\w)\]] )[<>!]=(?= [\w(])|(?<=[\w)\]])[<>!]=(?=[\w(])")
SEXES = Written(r"[ ]\((?:[mwfdxhi]/){1,2}[mwfdxhi]\)|[ ]H/F(?!\w)")  # of job advertisements
PERSONS = Written(r"(?<!\w)([A-ZÄÖÜ][a-zäöüß]{2,20}(?:er|ist|ent|ant|eur|or))/in(nen)?(?!\w)")  # Erzieher/in
ENDINGS = Written(r"(?<=[a-zé])\((s|e|ne)\)(?!\w)")  # file(s), assistant(e)
KEYS = Written(
    r"(?<![A-Za-z])(Ctrl|Strg|Cmd|Alt|Shift|Option|Command|Control|Win|Fn)[ ]?\+[ ]?(?=[A-Za-z\d])"
)
KEY_NAMES = {"Ctrl": "Control", "Cmd": "Command", "Strg": "Steuerung", "Win": "Windows"}
FLAG = Written(r"(?:(?<=\s)|(?<=`))--(?=[a-z][\w-]*)")  # git reset --soft
LIVES = (  # what stands before a date, in a bracket or after one
    ("born", Written(r"(?<=\()\*[ \u00a0]?(?=\d|um )")),
    ("died", Written(r"†[ \u00a0]?(?=\d|um )")),
)


def written_out(text: str, language: WordTable | None) -> str:
    """Return the text with words for its signs, before what is Markdown's goes."""
    if language is None:
        return text
    text = joined_dates(text, language)
    if "=" in text:
        text = COMPARED.compiled.sub(lambda match: COMPARISONS[match[0]], text)
    if "/" in text and language.code == "de":
        text = PERSONS.compiled.sub(lambda match: f"{match[1]} oder {match[1]}in{match[2] or ''}", text)
    if "/" in text:
        text = SEXES.compiled.sub("", text)
    if "(" in text and language.code in {"fr", "en", "es"}:
        text = ENDINGS.compiled.sub(lambda match: "s" if match[1] == "s" else "", text)
    if "+" in text:
        text = KEYS.compiled.sub(lambda match: f"{KEY_NAMES.get(match[1], match[1])} ", text)
    if "--" in text:
        text = FLAG.compiled.sub(f"{language.signs['dash']} {language.signs['dash']} ", text)
    if "†" in text or "(*" in text:
        for name, sign in LIVES:
            text = sign.compiled.sub(language.signs[name] + " ", text) if name in language.signs else text
    return text
