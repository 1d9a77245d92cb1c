"""The pages in Debian's Chromium: what a reader sees, on a desk and on a phone, by day and by night, and with a screen reader."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.papers import REAL as REAL_FEED
from tests.browser.site import FIRST, LAST, REAL

AXE = Path(os.environ.get("AXE_CORE") or "node_modules/axe-core/axe.min.js")
PAGES = (FIRST, REAL, LAST, "/", "/nothing")
PHONE = 360
MUST_RUN = bool(os.environ.get("PAPERROUND_BROWSER"))

VISIBLE_MATHS = """
return [...document.querySelectorAll('math')].filter(math => {
  const box = math.getBoundingClientRect();
  return box.width > 1 && box.height > 1 && math.checkVisibility();
}).length;
"""
FOLDED = "const fold = document.querySelectorAll('details')[arguments[0]]; return fold.querySelector('.fold').checkVisibility();"
COLOURS = "const style = getComputedStyle(document.body); return [style.backgroundColor, style.color];"


def brightness(colour):
    """From 0 to 255."""
    return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(","))) / 3


@pytest.mark.parametrize("path", PAGES[:-1])
def test_a_page_loads_from_us_alone(browser, site, path):
    """No word in the console, and no request to anybody else."""
    browser.open(site + path)
    assert browser.problems() == []
    requests = browser.requests()
    assert f"{site}{path}" in requests
    assert {urlsplit(each).netloc for each in requests} == {urlsplit(site).netloc}
    assert browser.run("return document.scripts.length") == 0


def test_formulas_are_seen(browser, site):
    """In titles at once, in abstracts when these are unfolded, as MathML with a size."""
    browser.open(site + FIRST)
    titles = browser.run("return document.querySelectorAll('h2 math').length")
    assert titles == 60
    seen = browser.run(VISIBLE_MATHS)
    assert seen >= titles
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.run(VISIBLE_MATHS) == browser.run("return document.querySelectorAll('math').length") > seen
    raised = browser.run(
        "const sup = document.querySelector('msup, msubsup').children; const box = each => each.getBoundingClientRect();"
        "return box(sup[sup.length - 1]).height < box(sup[0]).height * 2 && box(sup[sup.length - 1]).left >= box(sup[0]).right - 1"
    )
    assert raised


@pytest.mark.skipif(not REAL_FEED.is_file(), reason="no real feeds: set PAPERROUND_DATA")
def test_a_real_announcement_has_its_formulas(browser, site):
    """Of 13 August 2026."""
    browser.open(site + REAL)
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.run("return document.querySelectorAll('article').length") == 30
    assert browser.run(VISIBLE_MATHS) > 20
    assert browser.run("return document.body.innerText").count("$") < 5


def test_details_unfold_on_a_click(browser, site):
    """And fold again; without a summary the abstract is unfolded from the beginning."""
    browser.open(site + FIRST)
    for is_seen in (False, True, False):
        assert browser.run(FOLDED, 0) is is_seen
        browser.click("details > summary")
    assert browser.run("return document.querySelector('li:last-child details').open")


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_needs_no_sideways_scrolling(browser, site, path):
    """At 360 px, everything unfolded; what is to be tapped has room."""
    browser.open(site + path, width=PHONE)
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE
    sizes = browser.run(
        "return [...document.querySelectorAll('summary, .links a, .neighbours a')]"
        ".map(each => { const box = each.getBoundingClientRect(); return Math.min(box.width, box.height); })"
    )
    assert all(size >= 24 for size in sizes)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_dark_where_the_reader_is(browser, site, path):
    """Light on dark, and dark on light elsewhere."""
    for is_dark in (False, True):
        browser.open(site + path, dark=is_dark)
        ground, ink = map(brightness, browser.run(COLOURS))
        assert (ground < 60, ink > 200) == (is_dark, is_dark)
        assert (ground > 230, ink < 60) == (not is_dark, not is_dark)


def test_print_shows_everything(browser, site):
    """Folded texts are unfolded on paper, in black on white, without what can only be clicked."""
    browser.open(site + FIRST, dark=True)
    browser.command("Emulation.setEmulatedMedia", media="print")
    assert browser.run(FOLDED, 0)
    assert not browser.run("return document.querySelector('.links').checkVisibility()")
    assert brightness(browser.run(COLOURS)[1]) == 0


def test_neighbours_lead_on(browser, site):
    """From page to page and back, and home."""
    browser.open(site + FIRST)
    for link, path in (("a[rel=next]", REAL), ("a[rel=prev]", FIRST), (".brand a", "/"), (".digests a", LAST)):
        browser.click(link)
        browser.wait_for(site + path)


@pytest.mark.skipif(
    not AXE.is_file() and not MUST_RUN, reason="needs axe-core: npm install --no-save axe-core, or AXE_CORE"
)
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(browser, site, path, is_dark):
    """No violation of its rules, contrast among them, everything unfolded."""
    browser.open(site + path, dark=is_dark)
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    browser.run(AXE.read_text(encoding="utf-8"))
    found = browser.driver.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[0], error => arguments[0]({error: String(error)}))"
    )
    assert "error" not in found
    assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found["violations"]] == []
