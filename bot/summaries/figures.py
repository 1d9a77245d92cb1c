"""Numbers in prose, however they are written, as values that can be compared. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

Value = Decimal | str
"""A number; a text where it is none, such as a version `1.2.3`."""

COMMA_LANGUAGES = frozenset("cs da de el es fi fr hu id it nl no pl pt ro ru sv tr uk vi".split())
"""Where `12,5` may be twelve and a half, and `10.000` ten thousand."""

_WORD_VALUES = {
    word: value for value, word in enumerate("zero one two three four five six seven eight nine ten".split())
}
# Only before a word that counts, since they stand in many words that do not: 三个, but not 第三方.
_CHINESE = dict(zip("两三四五六七八九十", (2, 3, 4, 5, 6, 7, 8, 9, 10), strict=True)) | {"二": 2}
_MEASURES = "个個种種项項类類组組层層倍次篇条條"

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_RAISED = re.compile(r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_TYPED = (
    (re.compile(r"(?<=\d)(?:\{,\}|\\[,;: ]|['’٬\u00a0\u2007\u2009\u202f])(?=\d{3}(?!\d))"), ","),
    (re.compile(r"(?<=\d)٫(?=\d)"), "."),
    (re.compile(r"[−‒–—]"), "-"),
    (re.compile(r"，"), ", "),
    (re.compile(r"\\%|٪"), "%"),
    (re.compile(r"\\(?:times|cdot)(?![a-zA-Z])|[×⋅·∗*]"), "×"),
)

_SCALES: dict[str, int] = {
    **dict.fromkeys(("k", "K"), 3),
    "M": 6,
    "B": 9,
    "G": 9,
    "T": 12,
    **dict.fromkeys(("thousand", "tausend", "千"), 3),
    **dict.fromkeys(("million", "millions", "millionen", "millones", "milhões", "milioni", "百万", "백만"), 6),
    **dict.fromkeys(("billion", "billions", "milliarde", "milliarden", "milliards", "十亿"), 9),
    **dict.fromkeys(("trillion", "trillions", "万亿"), 12),
    **dict.fromkeys(("万", "萬", "만"), 4),
    **dict.fromkeys(("亿", "億", "억"), 8),
}
_LETTERS = "".join(each for each in _SCALES if each.isascii() and len(each) == 1)
_LONG = "|".join(sorted((each for each in _SCALES if each.isascii() and len(each) > 1), key=len, reverse=True))
_CJK = "|".join(sorted((each for each in _SCALES if not each.isascii()), key=len, reverse=True))
_DIGITS = r"\d{1,3}(?:\ \d{3})+(?!\d)|(?:(?<![\w.])\.)?\d+(?:[.,]\d+)*"


def _power(name: str) -> str:
    """The pattern of ten to some power, the power under this name."""
    return rf"10\ ?\^\ ?[{{(]?\ ?(?P<{name}>[-+]?\d{{1,3}})(?!\d)"


_FIGURE = re.compile(
    rf"""
    (?P<share>百分之)?
    (?: (?P<mantissa>{_DIGITS})\ ?[×x]\ ?(?:{_power("times")}|10(?P<lost>-\d{{1,3}})(?!\d))
      | (?P<e_mantissa>{_DIGITS})[eE](?P<e>[-+]?\d{{1,3}})(?![\w.])
      | (?<!\d)(?<!\d[.,]){_power("power")}
      | (?: (?P<digits>{_DIGITS})
          | (?<![\w-])(?P<word>(?i:{"|".join(_WORD_VALUES)}))(?!\w)
          | (?<![{"".join(_CHINESE)}一百千])(?P<chinese>[{"".join(_CHINESE)}])(?=[{_MEASURES}]|{_CJK}) )
        (?: (?P<letter>[{_LETTERS}])(?![^\W_]) | [\ -]?(?P<long>(?i:{_LONG}))(?![^\W_]) | \ ?(?P<cjk>{_CJK}) )?
        (?P<percent>\ ?(?i:%|per\ ?cent|pct|Prozent|процент))?
    )
    """,
    re.VERBOSE,
)
_ENGLISH = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+")
_MOST_DIGITS = 25
_SWAP = str.maketrans(".,", ",.")


def numbers_in(text: str) -> frozenset[Value]:
    """Every number of a source, a percentage also as a fraction."""
    return frozenset(value for ways in _figures(text, "", is_source=True) for way in ways for value in way)


def is_borne_out(text: str, language: str, numbers: frozenset[Value]) -> bool:
    """Whether each number in a text of this language is, in one of the ways to read it, among `numbers`."""
    return all(any(numbers.issuperset(way) for way in ways) for ways in _figures(text, language))


def _figures(text: str, language: str, *, is_source: bool = False) -> Iterator[list[tuple[Value, ...]]]:
    """For each number, the ways to read it; each way is values that all must be there, since `4,8` may be two."""
    for found in _FIGURE.finditer(_typed(text)):
        if found["word"] or found["chinese"]:
            # "one" and "zero" are mostly no counts: "the one", "zero-shot"; and in other languages "ten" is no number.
            if not is_source and not _is_count(found, language):
                continue
            ways: list[tuple[Value, ...]] = [(Decimal(_word_value(found)),)]
        else:
            ways = _read_digits(found, language, is_source=is_source)
        yield _as_shares(found, [tuple(_scaled(value, _scale(found)) for value in way) for way in ways])


def _typed(text: str) -> str:
    """The text in the characters of a typewriter, where that makes no difference to its numbers."""
    plain = _RAISED.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    for pattern, typed in _TYPED:
        plain = pattern.sub(typed, plain)
    return unicodedata.normalize("NFKC", plain).replace("−", "-")


def _is_count(found: re.Match[str], language: str) -> bool:
    if found["chinese"]:
        return language in {"zh", "ja"}
    return language == "en" and _word_value(found) > 1


def _word_value(found: re.Match[str]) -> int:
    return _CHINESE[found["chinese"]] if found["chinese"] else _WORD_VALUES[found["word"].lower()]


def _read_digits(found: re.Match[str], language: str, *, is_source: bool) -> list[tuple[Value, ...]]:
    if found["power"]:
        return [(Decimal(1),)]
    digits = found["digits"] or found["mantissa"] or found["e_mantissa"]
    if " " in digits:
        # Between blanks may stand one number or several; in a source always several, lest it hold what nobody wrote.
        ways: list[tuple[Value, ...]] = [tuple(Decimal(each) for each in digits.split())]
        return ways if is_source else [*ways, (Decimal(digits.replace(" ", "")),)]
    readings = [digits, digits.translate(_SWAP)] if language in COMMA_LANGUAGES else [digits]
    whole: list[tuple[Value, ...]] = [(_value(each),) for each in readings if _ENGLISH.fullmatch(each)]
    return whole or [tuple(_value(each) for each in digits.split(","))]


def _value(digits: str) -> Value:
    plain = digits.replace(",", "")
    if plain.count(".") > 1 or len(plain) > _MOST_DIGITS:
        return plain
    return Decimal(plain)


def _scale(found: re.Match[str]) -> int:
    exponent = found["times"] or found["lost"] or found["e"] or found["power"]
    if exponent:
        return int(exponent)
    unit = found["letter"] or (found["long"] or "").lower() or found["cjk"]
    return _SCALES.get(unit, 0) if unit else 0


def _scaled(value: Value, scale: int) -> Value:
    return value if isinstance(value, str) or not scale else value.scaleb(scale)


def _as_shares(found: re.Match[str], ways: list[tuple[Value, ...]]) -> list[tuple[Value, ...]]:
    """A percentage is also the fraction that it stands for."""
    if not found["percent"] and not found["share"]:
        return ways
    return [*ways, *(tuple(_scaled(value, -2) for value in way) for way in ways)]
