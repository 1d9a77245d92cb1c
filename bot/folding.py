"""How spellings become one: case, accents, hyphens, plurals, Greek letters. Pure.

A folded text is its words between single blanks, with a blank at either end: `" kv cache quantization "`. So a whole
word or phrase is found by one substring search.
"""

import re
import unicodedata
from collections.abc import Iterable

_GREEK = {each: unicodedata.name(each).split()[-1].lower() for each in "αβγδεζηθικμνξοπρςστυφχψω"} | {"λ": "lambda"}
_LATIN = dict(zip("øØłŁđĐðÐıħŧ", "oOlLdDdDiht", strict=True))
_LIGATURES = {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th"}
_LETTERS = str.maketrans(_GREEK | _LATIN | _LIGATURES)
_CAPITAL_GREEK = str.maketrans({chr(code): chr(code + 32) for code in range(ord("Α"), ord("Ω") + 1)})
# It begins with the sign, not with what stands before, so that a search passes quickly over everything else.
_POSSESSIVE = re.compile(r"['’](?<=\w['’])s\b")
# A sign belongs to a one-letter name (C++, C#, A*) and is a word of its own after a longer one (PointNet ++).
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_SIGNED = re.compile(r"[A-Za-z][+#*]")
_WORD = re.compile(r"(?<![^\W_])[^\W\d_](?:\+\+?|[#*])(?![^\W_])|[^\W_]+|(?<=[^\W\d_])(?:\+\+?|#)(?!\w)")

_BLANKS = {code: " " for code in range(128) if not chr(code).isalnum()}
_MOST_REMEMBERED = 1 << 16

_IRREGULAR = """
aliases/alias analyses/analysis apis/api appendices/appendix atlases/atlas automata/automaton
avalanches/avalanche axes/axis biases/bias bonuses/bonus buses/bus caches/cache calories/calorie campuses/campus
canvases/canvas children/child cookies/cookie corpora/corpus corpuses/corpus cpus/cpu crises/crisis
criteria/criterion diagnoses/diagnosis dpus/dpu foci/focus focuses/focus formulae/formula gases/gas gpus/gpu
headaches/headache hypotheses/hypothesis indices/index lenses/lens loci/locus matrices/matrix maxima/maximum
menus/menu mice/mouse minima/minimum movies/movie niches/niche npus/npu nuclei/nucleus optima/optimum
phenomena/phenomenon prognoses/prognosis quizzes/quiz radii/radius radiuses/radius schemata/schema
selfies/selfie simplices/simplex spectra/spectrum statuses/status stimuli/stimulus syntheses/synthesis
taxis/taxi theses/thesis tpus/tpu vertices/vertex viruses/virus vortices/vortex women/woman zombies/zombie
"""
_UNCHANGED = frozenset({"series", "species", "news", "lens", "bias", "alias", "canvas", "atlas", "aids", "always"})
_SINGULARS = dict(pair.split("/") for pair in _IRREGULAR.split()) | {word: word for word in _UNCHANGED}
_SHORTEST_PLURAL = 4
_SHORT_PLURAL = re.compile(r"[A-Z]{2,}s")
_ES_PLURAL = re.compile(r".+(?:ss|x|ch|sh)es")
_NO_PLURAL = ("ss", "us", "is")


class _Singulars(dict[str, str]):
    """The singulars of the words met so far: reading a day's papers asks half a million times for some thousands of words."""

    def __missing__(self, word: str) -> str:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        self[word] = singular = _singular(word)
        return singular


class _Plain(dict[str, str]):
    """The letters met so far that are not ASCII, each as it is looked for: without accents, ligatures and the like taken apart."""

    def __missing__(self, letter: str) -> str:
        decomposed = unicodedata.normalize("NFKD", letter).translate(_CAPITAL_GREEK).translate(_LETTERS)
        self[letter] = plain = _FOREIGN.sub(
            lambda found: "" if unicodedata.combining(found[0]) else found[0], decomposed
        )
        return plain


_remembered = _Singulars()
_plain = _Plain()


def split_words(text: str) -> tuple[str, ...]:
    """The words of `text` as `fold_words` joins them."""
    return tuple(map(_remembered.__getitem__, _split(text)))


def fold_words(text: str) -> str:
    """`text` folded for searching in prose, plurals made singular; a single blank if it has no word."""
    return join_words(split_words(text))


def fold_letters(text: str) -> str:
    """`text` folded without touching plurals: for names, and for beginnings of words."""
    return join_words(_split(text)).casefold()


def join_words(words: Iterable[str]) -> str:
    """A folded text of these words."""
    joined = " ".join(words)
    return f" {joined} " if joined else " "


def _split(text: str) -> list[str]:
    plain = _POSSESSIVE.sub("", text) if "'" in text or "’" in text else text
    if not plain.isascii():
        plain = _FOREIGN.sub(lambda found: _plain[found[0]], plain)
    if plain.isascii() and not (("+" in plain or "#" in plain or "*" in plain) and _SIGNED.search(plain)):
        # Nearly every text; the same words as below, in a fifth of the time.
        return plain.translate(_BLANKS).split()
    return _WORD.findall(plain)


def _singular(word: str) -> str:
    """The lower-case singular of an English word, by light rules: both sides of a comparison go through them.

    Case counts only in `LMs`, `GPUs`, where the small s after capitals tells a plural too short for the other rules.
    """
    if _SHORT_PLURAL.fullmatch(word):
        return word[:-1].casefold()
    lower = word.casefold()
    if lower in _SINGULARS:
        return _SINGULARS[lower]
    if len(lower) < _SHORTEST_PLURAL or not lower.endswith("s") or lower.endswith(_NO_PLURAL):
        return lower
    if lower.endswith("ies") and len(lower) > _SHORTEST_PLURAL:
        return lower[:-3] + "y"
    return lower[:-2] if _ES_PLURAL.fullmatch(lower) else lower[:-1]
