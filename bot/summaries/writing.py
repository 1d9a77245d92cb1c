"""Whether a text can be in a language, by its letters alone. Pure."""

import re

_OWN_LETTERS = {
    "zh": "\u3400-\u9fff\uf900-\ufaff",
    "ja": "\u3040-\u30ff\u3400-\u9fff",
    "ko": "\uac00-\ud7af\u1100-\u11ff",
    "ru": "\u0400-\u04ff",
    "uk": "\u0400-\u04ff",
    "el": "\u0370-\u03ff",
    "ar": "\u0600-\u06ff",
    "fa": "\u0600-\u06ff",
    "he": "\u0590-\u05ff",
    "hi": "\u0900-\u097f",
    "th": "\u0e00-\u0e7f",
}
_LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"
_LETTER = re.compile(r"[^\W\d_]")
_LEAST_OWN = 0.1
"""Of the letters: technical terms stay in English, so that even a good Chinese sentence may be mostly Latin."""
_LEAST_LATIN = 0.6


def can_be(text: str, language: str) -> bool:
    """Whether the letters of a text are those of the language; whether English is German is not asked."""
    letters = len(_LETTER.findall(text))
    own = len(re.findall(f"[{_OWN_LETTERS.get(language, _LATIN)}]", text))
    return own >= letters * (_LEAST_OWN if language in _OWN_LETTERS else _LEAST_LATIN)
