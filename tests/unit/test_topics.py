"""The topic language: what a query finds, what it refuses, and how it says so."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.topics import (
    Topic,
    compile_topic,
    document_of,
    plain_keyword,
    quote_keyword,
    split_weight,
    weigh_topic,
)
from tests.build import make_paper

PAPER = make_paper(
    title="KV-Cache Quantization for State-Space Models",
    abstract="We study RL in the wide world. Speculative decoding of LMs and GPUs in C++, with β-VAE and Poincaré maps.",
    authors=("Tri Dao", "María de la Cruz", "Jürgen Q. Schmidhuber", "P. Łukasz Adam Jr."),
    categories=("cs.LG", "stat.ML", "hep-th"),
)


def is_found(query, **fields):
    paper = make_paper(**fields) if fields else PAPER
    return compile_topic(query).match(document_of(paper)) is not None


def try_to_compile(text):
    """The topic, or None and what the person is told."""
    try:
        return compile_topic(text), ""
    except UserError as error:
        return None, str(error)


def hits(query):
    match = compile_topic(query).match(document_of(PAPER))
    return [(hit.term.text, hit.field, hit.count) for hit in match.hits]


@pytest.mark.parametrize(
    "query",
    [
        "kv cache",
        "KV Cache",
        '"kv-caches"',
        "“kv cache”",
        "state space model",
        "state-space models",
        "State–Space",
        "LM",
        "LMs",
        "gpu",
        "gpus",
        "C++",
        "poincare",
        "Poincaré",
        "beta-VAE",
        "β-vae",
        "quant*",
        "speculative decod*",
        "models",
        "world",
        "rl AND world",
        "RL world OR RL",
        "missing OR quant*",
        "RL -survey",
        "RL ANDNOT survey",
        "RL AND NOT survey",
        "RL NOT survey",
        "(RL OR missing) AND ti:quantization",
        "+RL +world",
        "NOT NOT RL",
        "-(-RL -missing)",
        "kv cache^2",
        "ti:kv cache",
        'ti:"kv cache"',
        "TI:cache",
        "ti:(missing OR cache)",
        "abs:RL",
        "all:dao",
        "all:RL",
        "all:cs.LG",
        "cat:cs.LG",
        "cat:CS.lg",
        "cat:cs.*",
        "cat:cs",
        "cat:cs.L*",
        "cat:hep-th",
        "cat:cs.LG kv cache",
        '"kv cache" au:Dao',
        "au:Dao",
        'au:"Tri Dao"',
        "au:Tri Dao",
        'au:"T. Dao"',
        "au:Dao_T",
        "au:Dao_Tri",
        'au:"Dao, Tri"',
        "au:schmid*",
        'au:"Jurgen Schmidhuber"',
        'au:"J. Schmidhuber"',
        'au:"J. Q. Schmidhuber"',
        'au:"Jürgen Quentin Schmidhuber"',
        'au:"de la Cruz"',
        'au:"Maria Cruz"',
        'au:"Paul Adam"',
        'au:"Lukasz Adam"',
        "Tri Dao",
        "tri-dao",
    ],
)
def test_what_is_there_is_found(query):
    """Whole words, phrases, beginnings, fields and names are found in every usual spelling."""
    assert is_found(query)


@pytest.mark.parametrize(
    "query",
    [
        "orl",
        "R",
        "C",
        "cach",
        "cache kv",
        "RL -world",
        "RL AND missing",
        "missing OR absent",
        "ti:RL",
        "abs:quantization",
        "au:Da",
        "au:RL",
        'au:"Dao Tri"',
        'au:"Tom Dao"',
        'au:"Tri Cruz"',
        'au:"S. Dao"',
        'au:"Tri Quoc Dao"',
        "Dao",
        "Schmidhuber Q",
        "cat:cs.CL",
        "cat:cs.L",
        "cat:math",
        "all:missing",
        "rl world",
    ],
)
def test_what_is_not_there_is_not_found(query):
    """Parts of words, words in the wrong field or order, and other people are not found."""
    assert not is_found(query)


def test_rl_is_not_in_world():
    """`RL` never matches `world`, whatever the case."""
    assert not is_found("RL", title="Hello WORLD", abstract="A wORLd of worlds, overly curly.")
    assert is_found("RL", title="Hello", abstract="An RL-based approach.")


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("cache", "caches"),
        ("match", "matches"),
        ("case", "cases"),
        ("database", "databases"),
        ("size", "sizes"),
        ("response", "responses"),
        ("loss", "losses"),
        ("box", "boxes"),
        ("mesh", "meshes"),
        ("query", "queries"),
        ("movie", "movies"),
        ("bias", "biases"),
        ("virus", "viruses"),
        ("lens", "lenses"),
        ("matrix", "matrices"),
        ("index", "indices"),
        ("analysis", "analyses"),
        ("hypothesis", "hypotheses"),
        ("corpus", "corpora"),
        ("use", "uses"),
        ("transformer", "transformers"),
        ("GPU", "gpus"),
        ("NN", "NNs"),
        ("LLM", "LLMs"),
        ("phenomenon", "phenomena"),
    ],
)
def test_singular_and_plural_are_one(singular, plural):
    """A topic in the singular finds the plural and the reverse, and both count as the same topic."""
    assert is_found(singular, title=f"About {plural}.")
    assert is_found(plural, title=f"About {singular}.")
    assert compile_topic(singular).key == compile_topic(plural).key


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("news", "A new method"),
        ("pose", "POS tagging"),
        ("POS", "Pose estimation"),
        ("case", "CAS numbers"),
        ("use", "About us"),
        ("aids", "First aid"),
        ("C#", "C++ and C"),
        ("A", "A* search"),
        ('"A*"', "A search"),
        ("PointNet++", "PointNet"),
    ],
)
def test_different_words_stay_different(query, title):
    """Folding plurals and signs never makes one word out of two that people tell apart."""
    assert not is_found(query, title=title)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ('"A*"', "Learning A* search"),
        ("C#", "From C# to Rust"),
        ("PointNet", "PointNet++ revisited"),
        ("PointNet++", "PointNet++ revisited"),
        ("F1", "An F1 score"),
        ("GPT-4", "gpt 4 and others"),
        ("3D", "A 3D-aware model"),
        ("Moore's law", "Beyond Moore’s Law"),
        ("transformer", "The Transformer's limits"),
        ("lambda calculus", "The λ-calculus"),
        ("pi0", "π₀ for robots"),
        ("H2O", "H₂O at work"),
        ("strassen", "STRAẞEN"),
        ("naïve", "A naive one"),
        ("kv  cache", "kv\ncache"),
        ("queries*", "One query"),
        ("数据", "数据"),
    ],
)
def test_names_with_signs_are_words(query, title):
    """Names with digits, signs, Greek letters and accents are found as people write them."""
    assert is_found(query, title=title)


def test_hits_say_where_and_how_often():
    """A match lists each term with the fields it was found in, in the order of the query."""
    assert hits("model OR au:Dao OR RL") == [("model", "title", 1), ("au:Dao", "author", 1), ("RL", "abstract", 1)]
    assert hits("cat:cs.LG AND kv caches^2") == [("cat:cs.LG", "category", 1), ("kv caches", "title", 1)]


def test_weights_multiply():
    """A weight on a bracket multiplies the weights inside it."""
    match = compile_topic("(kv cache^2 OR RL)^3").match(document_of(PAPER))
    assert [hit.term.weight for hit in match.hits] == [6, 3]


def test_a_term_can_be_looked_up_in_other_papers():
    """A hit's term tells of any other paper whether it occurs there."""
    (hit,) = compile_topic("kv cache").match(document_of(PAPER)).hits
    assert hit.term.is_in(document_of(make_paper(abstract="Many KV caches.")))
    assert not hit.term.is_in(document_of(make_paper()))


@pytest.mark.parametrize(
    ("query", "left_out", "kept"),
    [
        ("-survey", "A survey", "A study"),
        ("- survey", "A survey", "A study"),
        ("–survey", "A survey", "A study"),
        ("NOT survey", "A survey", "A study"),
        ('-"review article"', "A review article", "An article review"),
        ("-review article", "A review article", "A review"),
        ("-(survey OR review)", "A review", "A study"),
        ("-survey -review", "A review", "A study"),
        ("-(cats -dogs)", "A cat", "A cat and a dog"),
    ],
)
def test_an_exclusion_finds_what_to_leave_out(query, left_out, kept):
    """A query that only says what to leave out is an exclusion, and its match is what must go."""
    assert compile_topic(query).is_exclusion
    assert is_found(query, title=left_out)
    assert not is_found(query, title=kept)


@pytest.mark.parametrize("query", ["kv -survey", "kv cache", "-(-a)", "NOT NOT a"])
def test_a_wish_is_no_exclusion(query):
    """A query that says what to read is none, whatever else it leaves out."""
    assert not compile_topic(query).is_exclusion


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KV Cache", '"kv-caches"'),
        ("a OR b", "(b) OR a OR b"),
        ("-survey", "NOT surveys"),
        ("ti:Cache", "TI:caches"),
        ("kv^1", "kv"),
        ("au:Dao_T", 'au:"Dao, T"'),
        ("a AND b", "+b +a"),
    ],
)
def test_spellings_of_one_topic_have_one_key(one, other):
    """Two spellings that always find the same are recognised."""
    assert compile_topic(one).key == compile_topic(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [("kv", "-kv"), ("kv", "ti:kv"), ("kv", "kv*"), ("kv", "kv^2"), ("au:Dao_T", 'au:"Dao T"'), ("a -b", "a -c")],
)
def test_different_topics_have_different_keys(one, other):
    """What finds or counts differently is not taken for a duplicate."""
    assert compile_topic(one).key != compile_topic(other).key


@pytest.mark.parametrize(
    ("query", "place", "words"),
    [
        ("", 0, "nothing to look for"),
        ("   ", 0, "nothing to look for"),
        ('"..."', 0, "no word"),
        ("kv AND (cache", 7, "never closed"),
        ("(a AND (b) OR c", 0, "never closed"),
        ("kv cache)", 8, "closes nothing"),
        ("()", 1, "closes nothing"),
        ('kv "cache', 3, "never closed"),
        ("“kv cache", 0, "never closed"),
        ('kv"cache"', 2, "no partner"),
        ("'kv cache'", 0, "double quotes"),
        ("kv AND", 6, "missing at the end"),
        ("OR kv", 0, "both sides"),
        ("a AND OR b", 6, "both sides"),
        ("a OR NOT b", 0, "AND NOT"),
        ("foo: bar", 0, "ti: abs: au: cat: all:"),
        ("Title: subtitle", 0, "quotes"),
        ("ti:(abs:kv)", 4, "inside ti:"),
        (":kv", 0, "colon"),
        ("cat:machine2", 4, "cs.LG"),
        ("*", 0, "no word"),
        ("a*", 0, "2 letters"),
        ("a*b", 1, "end of a word"),
        ("*former", 0, "end of a word"),
        ("quant* models", 5, "last word"),
        ("kv cache, quantization", 8, "topics of their own"),
        ("kv - cache", 3, "directly before"),
        ("kv~2", 2, "word*"),
        ("/k.*v/", 0, "slashes"),
        ("kv /x", 3, "slashes"),
        ("[a TO b]", 0, "ranges"),
        ("x < y", 2, "comparisons"),
        ("kv^", 2, "0.1 to 10"),
        ("kv^99", 2, "0.1 to 10"),
        ("kv^1.2.3", 2, "0.1 to 10"),
        ("^2", 0, "weight"),
        ("a && b", 2, "AND or OR"),
        ("!kv", 0, "begins with -"),
        ("wom?n", 3, "word*"),
        ("kv\\", 2, "backslash"),
        ("a NOT", 5, "missing at the end"),
    ],
)
def test_a_refusal_points_at_the_place(query, place, words):
    """What cannot be read is answered with the place, the reason, and an example that works."""
    with pytest.raises(UserError) as caught:
        compile_topic(query)
    shown, caret, last = str(caught.value).splitlines()
    assert shown == query
    assert caret.index("^") == place
    assert words in caret
    assert isinstance(compile_topic(last.removeprefix("This works: ")), Topic)


def test_the_place_is_shown_in_a_long_query():
    """Of a long query only the part around the place is shown, with the caret still under it."""
    with pytest.raises(UserError) as caught:
        compile_topic("word " * 60 + "~ " + "word " * 30)
    shown, caret, _ = str(caught.value).splitlines()
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert shown[caret.index("^")] == "~"


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("x" * 501, "500"),
        (" OR ".join(f"t{number}" for number in range(41)), "40"),
        ("(" * 30 + "kv" + ")" * 30, "20"),
        ("-" * 400 + "kv", "20"),
        ("(" * 249 + "kv" + ")" * 249, "20"),
    ],
)
def test_limits_are_named(query, limit):
    """A query that is too long, too wide or too deep is refused with the limit in the message."""
    with pytest.raises(UserError, match=rf"at most {limit}\b"):
        compile_topic(query)


def test_the_limits_themselves_are_allowed():
    """500 characters and 40 terms are fine."""
    assert compile_topic("x" * 500).match(document_of(make_paper(title="x" * 500)))
    assert compile_topic(" OR ".join(f"t{number}" for number in range(40)))


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("kv cache", "kv cache"),
        ('"kv cache"', "kv cache"),
        ("-survey", "survey"),
        ('-"review article"', "review article"),
        ("NOT survey", "survey"),
        ('"say \\"hi\\""', 'say "hi"'),
        ("  RL ", "RL"),
    ],
)
def test_a_topic_knows_its_plain_words(text, keyword):
    """Quotes and the leading sign are no part of the keyword."""
    assert compile_topic(text).keyword == keyword
    assert plain_keyword(text)[0] == keyword


@pytest.mark.parametrize("keyword", ["kv cache", "C++", "GPT-4", "TCP/IP", "state-space", "Moore's law", "FP8", "R&D"])
def test_plain_words_stay_unquoted(keyword):
    """A keyword the language reads as itself needs no quotes; they can be asked for."""
    assert quote_keyword(keyword) == keyword
    assert quote_keyword(keyword, always=True) == f'"{keyword}"'


@pytest.mark.parametrize(
    "keyword", ["this AND that", "a: b", "A*", "-x", " padded", 'a "b"', "(a)", "x^2", "a, b", "“a”"]
)
def test_other_words_are_quoted(keyword):
    """A keyword the language would read as syntax is quoted, and comes back whole."""
    quoted = quote_keyword(keyword)
    assert quoted.startswith('"')
    assert compile_topic(quoted).keyword == keyword


@given(st.text(max_size=60))
@example("TO")
@example('a\\"b\n')
@example("ANDNOT x")
def test_every_keyword_survives_quoting(keyword):
    """Quoting a keyword and reading the topic gives the keyword back, also behind a minus."""
    topic, _ = try_to_compile(quote_keyword(keyword))
    if topic is None:
        return
    assert topic.keyword == keyword
    assert not topic.is_exclusion
    excluded = compile_topic("-" + quote_keyword(keyword, always=True))
    assert (excluded.keyword, excluded.is_exclusion) == (keyword, True)


_PIECES = st.sampled_from(
    [
        "kv",
        "cache",
        "RL",
        " ",
        " ",
        '"',
        "(",
        ")",
        "AND",
        "OR",
        "NOT",
        "-",
        "+",
        "^2",
        "^",
        "*",
        ":",
        "ti:",
        "au:",
        "cat:",
        "~",
    ]
)


@given(st.one_of(st.text(max_size=520), st.lists(_PIECES, max_size=60).map("".join)))
@example("(" * 250)
@example("NOT " * 125)
@example("a^" * 250)
@example("ti:" * 160)
@example("\x00")
@example("\ud800")
@example('"\\')
def test_any_text_is_a_topic_or_a_kind_refusal(text):
    """Whatever is typed gives a matcher that works, or a UserError with an example; never another error."""
    topic, refusal = try_to_compile(text)
    if topic is None:
        assert "This works: " in refusal
    else:
        topic.match(document_of(PAPER))
        assert topic.key


@given(st.text(max_size=200))
@example("classess Buses' C++, A*")
def test_any_paper_can_be_searched(title):
    """Whatever a title contains, each word of it is found by itself."""
    document = document_of(make_paper(title=title, abstract=""))
    for word in title.split():
        topic, _ = try_to_compile(quote_keyword(word))
        assert topic is None or topic.match(document)


def test_a_topic_is_compiled_once():
    """The same text gives the same object, so that chats share it."""
    assert compile_topic("kv cache") is compile_topic("kv cache")


def test_topics_can_be_compiled_in_many_threads():
    """Parsers running at the same time do not disturb each other."""
    queries = [f'("kv {number}" OR quant*) AND au:"Tri Dao" -survey{number}' for number in range(200)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            keys = list(pool.map(lambda query: compile_topic.__wrapped__(query).key, queries))
    finally:
        sys.setswitchinterval(before)
    assert keys == [compile_topic(query).key for query in queries]


@pytest.mark.parametrize(
    ("topic", "weighed"),
    [
        ("kv cache", "kv cache^2"),
        ('"kv cache"', '"kv cache"^2'),
        ("quant*", "quant*^2"),
        ("ti:kv cache", "ti:kv cache^2"),
        ("kv cache^5", "kv cache^2"),
        ("a OR b", "(a OR b)^2"),
        ("(a OR b)^0.5", "(a OR b)^2"),
        ("(a) OR (b)", "((a) OR (b))^2"),
        ("diffusion -survey", "(diffusion -survey)^2"),
        ("a AND b^3", "(a AND b^3)^2"),
        (r'"a^3"', r'"a^3"^2'),
    ],
)
def test_a_weight_belongs_to_the_whole_topic(topic, weighed):
    """It takes the place of an earlier one, with brackets only where they are needed, and can be taken away again."""
    assert weigh_topic(topic, 2) == weighed
    bare, weight = split_weight(weighed)
    assert weight == 2
    assert weigh_topic(weighed, 1) == bare
    assert split_weight(topic)[0] in (bare, f"({bare})")


@pytest.mark.parametrize("text", ["kv cache", "a OR b^2", r"a\^2", "C^", "((^2", "", "a^99", "a^1.2.3"])
def test_what_is_no_weight_of_the_whole_stays(text):
    """A weight inside, a caret that is text, and what cannot be read are left alone."""
    assert split_weight(text) == (text, 1.0)


def test_a_weight_is_no_keyword():
    """The search without syntax looks for the words alone."""
    assert plain_keyword("kv cache^2") == ("kv cache", False)
    assert plain_keyword('"kv cache"^0.5') == ("kv cache", False)
    assert plain_keyword(quote_keyword("x^2")) == ("x^2", False)
