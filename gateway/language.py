"""Guesses the language of a text, by py3langid (BSD, 4.6 MB; loaded only if GATEWAY_LANGUAGE is `auto`)."""

import importlib
from typing import Any

from gateway.errors import GatewayStartError

__all__ = ["LANGUAGES", "LanguageDetector"]

LANGUAGES = "en,ar,da,de,el,es,fi,fr,he,hi,it,ja,ko,ms,nl,no,pl,pt,ru,sv,sw,tr,zh"
SURE = 0.6  # of 1: a shorter or mixed text is less certain
READ = 1_000  # characters: more do not change the guess


class LanguageDetector:
    """A guesser among some languages; loading takes about a second and 80 MB.

    Args:
        languages: Those that may come, separated by commas; the first is the answer for a text that shows
            none clearly.

    Raises:
        GatewayStartError: The package is missing, or does not know one of the languages.
    """

    def __init__(self, languages: str = LANGUAGES) -> None:
        try:
            langid: Any = importlib.import_module("py3langid.langid")
        except ImportError:
            raise GatewayStartError(
                "GATEWAY_LANGUAGE=auto needs the package py3langid: pip install '.[gateway,language]'"
            ) from None
        self._identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
        several = languages.split(",")
        unknown = set(several) - set(self._identifier.labels)
        if unknown:
            raise GatewayStartError(f"GATEWAY_LANGUAGE: {', '.join(sorted(unknown))} cannot be detected")
        self._identifier.set_languages(several)
        self._default = several[0]

    def language_of(self, text: str) -> str:
        """Return the text's language."""
        language, probability = self._identifier.classify(text[:READ])
        return str(language) if probability >= SURE else self._default
