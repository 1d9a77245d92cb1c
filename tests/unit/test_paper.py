"""Ids, as people paste them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.paper import AnnounceType, parse_arxiv_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2608.11232", ("2608.11232", None)),
        ("2608.11232v3", ("2608.11232", 3)),
        (" arXiv:2608.11232v1 ", ("2608.11232", 1)),
        ("oai:arXiv.org:2608.11232v1", ("2608.11232", 1)),
        ("0704.0001", ("0704.0001", None)),
        ("hep-th/9711200", ("hep-th/9711200", None)),
        ("math.GT/0309136v2", ("math/0309136", 2)),
        ("https://arxiv.org/abs/2608.11232v2", ("2608.11232", 2)),
        ("http://www.arxiv.org/pdf/2608.11232.pdf", ("2608.11232", None)),
        ("https://arxiv.org/pdf/2608.11232v1.pdf?download=1#page=2", ("2608.11232", 1)),
        ("arxiv.org/html/2608.11232v1/", ("2608.11232", 1)),
        ("https://export.arxiv.org/abs/hep-th/9711200v1", ("hep-th/9711200", 1)),
        ("<https://arxiv.org/abs/2608.11232>", ("2608.11232", None)),
        ("https://doi.org/10.48550/arXiv.2608.11232", ("2608.11232", None)),
        ("https://www.alphaxiv.org/abs/2608.11232", ("2608.11232", None)),
    ],
)
def test_ids_and_links_are_understood(text, expected):
    """Every usual way to name a paper gives its id and version."""
    assert parse_arxiv_id(text) == expected


@pytest.mark.parametrize(
    "text", ["", "kv cache", "2608", "2608.123", "12345.11232", "https://example.org/abs/2608.11232", "v1"]
)
def test_other_text_is_no_id(text):
    """What names no paper gives None."""
    assert parse_arxiv_id(text) is None


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    """Whatever is pasted, the answer is an id or None."""
    found = parse_arxiv_id(text)
    assert found is None or found[0]


@given(
    st.one_of(
        st.from_regex(r"[0-9]{4}\.[0-9]{5}", fullmatch=True, alphabet=st.characters(codec="ascii")),
        st.from_regex(r"(hep-th|math|cs|astro-ph)/[0-9]{7}", fullmatch=True, alphabet=st.characters(codec="ascii")),
    ),
    st.one_of(st.none(), st.integers(1, 99)),
    st.sampled_from(["", "arXiv:", "https://arxiv.org/abs/", "https://arxiv.org/pdf/"]),
)
def test_what_arxiv_writes_is_read_back(identifier, version, prefix):
    """Id and version survive every prefix."""
    suffix = f"v{version}" if version else ""
    assert parse_arxiv_id(f"{prefix}{identifier}{suffix}") == (identifier, version)


def test_new_is_the_strongest_type():
    """New beats cross beats replace beats replace-cross."""
    assert sorted(AnnounceType, key=lambda each: each.strength) == [
        "new",
        "cross",
        "replace",
        "replace-cross",
    ]
