"""Phrases found by arrays, beside what a substring search and `closeness` find, text by text."""

from hypothesis import given
from hypothesis import strategies as st

from bot.folding import join_words
from bot.proximity import closeness
from bot.ranking.postings import Phrase, Postings
from bot.terms import NEARBY

WORDS = st.sampled_from(["a", "b", "c", "d", "tea"])
FILLER = st.integers(0, 40).map(lambda number: ("filler",) * number)
TEXTS = st.lists(st.one_of(WORDS.map(lambda word: (word,)), FILLER), max_size=14).map(lambda runs: sum(runs, ()))
SPELLED = st.lists(st.one_of(WORDS, WORDS, st.just("unheard")), max_size=6).map(tuple)
PHRASES = st.lists(st.builds(Phrase, SPELLED, st.booleans()), max_size=8)


def often(phrase, text):
    folded, distinct = join_words(text), {f" {word} " for word in phrase.words}
    if not phrase.words:
        return 0
    count = folded.count(join_words(phrase.words))
    return count or (phrase.is_loose and len(distinct) > 1 and NEARBY * closeness(distinct, folded))


@given(st.lists(TEXTS, max_size=6), PHRASES)
def test_phrases_are_found_as_by_going_through_every_text(texts, phrases):
    """Words that occur twice in a phrase, unknown ones, texts without a word, occurrences that share a blank: nothing is special."""
    phrases = [each if len(set(each.words)) > 1 else each._replace(is_loose=False) for each in phrases]
    found = Postings(texts).find(phrases)
    rows = list(zip(*(column.tolist() for column in found), strict=True))
    expected = [
        (number, place, count)
        for number, phrase in enumerate(phrases)
        for place, text in enumerate(texts)
        if (count := often(phrase, text))
    ]
    assert rows == expected


def test_what_is_too_much_for_one_go_is_found_in_several():
    """Words that all stand two hundred thousand times, so that no two phrases are looked for together."""
    texts = [("a", "b", "c") * 400] * 500
    phrases = [Phrase(tuple(each), is_loose) for each in ("ab", "ac", "abc", "c", "ba") for is_loose in (False, True)]
    found = Postings(texts).find(phrases)
    rows = zip(*(column.tolist() for column in found), strict=True)
    once = [(number, often(phrase, texts[0])) for number, phrase in enumerate(phrases)]
    assert list(rows) == [(number, place, count) for number, count in once for place in range(500) if count]


@given(st.lists(TEXTS, max_size=6), WORDS)
def test_texts_with_a_word(texts, word):
    """Each text once, in order, and no other."""
    postings = Postings(texts)
    assert postings.texts_with(word).tolist() == [place for place, text in enumerate(texts) if word in text]
    assert postings.words == sorted({each for text in texts for each in text})
