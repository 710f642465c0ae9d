"""`python -m segmenter.train LANGUAGE FILE...`: words that a language's file might want, learned from texts.

Punkt's trainer (`nltk`, installed for development only) proposes; somebody who speaks the language decides,
and writes what is right into `languages/LANGUAGE.toml`. Nothing here is used when text is segmented.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from segmenter.cutting.languages import Language, language_of

__all__ = ["main", "proposals"]

LANGUAGES = Path(__file__).parent / "cutting/languages"


def proposals(texts: Iterable[str], language: Language) -> dict[str, list[str]]:
    """Return abbreviations, sentence starters and pairs that Punkt learns and the language's file lacks."""
    from nltk.tokenize.punkt import PunktTrainer  # noqa: PLC0415 - a tool for development

    trainer = PunktTrainer()
    trainer.INCLUDE_ALL_COLLOCS = True
    trainer.MIN_COLLOC_FREQ = 3
    for text in texts:
        trainer.train(text, finalize=False)
    learned = trainer.get_params()
    known = language.punkt
    return {
        "abbreviations": sorted(learned.abbrev_types - language.abbreviations),
        "starters": sorted(learned.sent_starters - known.starters),
        "together": sorted(
            f"{first}. {second}" for first, second in learned.collocations - known.collocations
        ),
    }


def main(arguments: list[str]) -> int:
    """Print the proposals for one language; return 1 with one line where there can be none."""
    if len(arguments) < 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        language = language_of(arguments[0])
        # No refusal: whoever begins a language has no file of it yet. Nor silence: it may be a slip.
        if not (LANGUAGES / f"{language.tag}.toml").is_file():
            sys.stderr.write(
                f"train: there is no languages/{language.tag}.toml: nothing of it is known yet\n"
            )
        found = proposals((Path(name).read_text(encoding="utf-8") for name in arguments[1:]), language)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        sys.stderr.write(f"train: {package} is not installed: pip install -r requirements/dev.txt\n")
        return 1
    except (OSError, ValueError) as error:
        sys.stderr.write(f"train: {error}\n")
        return 1
    for kind, words in found.items():
        sys.stdout.write(f"# {kind}\n{chr(10).join(words)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
