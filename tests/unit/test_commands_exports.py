"""/saved export and the button BibTeX, through the whole bot but its edges."""

import pytest

from bot.errors import SourceError
from bot.model.listing import Record
from tests.build import DAY, make_batch, make_paper
from tests.reading import read_bibtex, read_csv, read_ris
from tests.world import World

CACHE = make_paper("2611.00001", "Small KV Caches", authors=("Jan van den Berg",))
OTHER = make_paper("2611.00003", "On Worlds")
OLD = make_paper("2401.00001", "Old News", authors=("Bo Li",))


class Lookup:
    """arXiv's API, where it can be reached."""

    def __init__(self, *papers):
        self.records = {each.id: Record(each, DAY, DAY) for each in papers}
        self.asked, self.is_down = [], False

    async def fetch_papers(self, ids):
        self.asked.append(tuple(ids))
        if self.is_down:
            raise SourceError("down")
        return {each: self.records[each] for each in ids if each in self.records}


@pytest.fixture
async def world():
    """A chat in which three papers are saved, one of them long ago."""
    lookup = Lookup(OLD)
    world = World(make_batch(CACHE, OTHER), lookup=lookup)
    world.lookup = lookup
    await world.say("/categories add cs.CL", "/digest")
    for each in (OLD, CACHE, OTHER):
        await world.ask(f"/mark save {each.id}")
    lookup.asked.clear()
    return world


async def test_what_was_saved_is_one_file(world):
    """The latest first, with the authors, in every format."""
    reply = await world.ask("/saved export bibtex")
    assert (reply.text, reply.file.name) == ("3 saved papers are in the file.", "saved-papers.bib")
    assert [key for _, key, _ in read_bibtex(reply.file.text)] == [
        "vale-2611.00003", "vandenberg-2611.00001", "li-2401.00001"
    ]  # fmt: skip
    assert len(read_ris((await world.ask("/saved export RIS")).file.text)) == 3
    assert [row["title"] for row in read_csv((await world.ask("/saved export csv")).file.text)][2] == "Old News"
    assert (await world.ask("/saved export md")).file.name == "saved-papers.md"


async def test_arxiv_is_asked_once_for_what_is_kept_no_longer(world):
    """One request for all of them; where it fails, id and title are there all the same, and it is said."""
    await world.ask("/saved export bibtex")
    assert world.lookup.asked == [("2401.00001",)]
    world.lookup.is_down = True
    reply = await world.ask("/saved export bibtex")
    assert "Of 1 of them only id and title are known" in reply.text
    (*_, last) = read_bibtex(reply.file.text)
    assert (last[1], last[2]["title"]) == ("arxiv-2401.00001", "{Old News}")


async def test_an_export_is_of_one_person_in_one_chat(world):
    """Nobody exports what another one saved."""
    assert "saved nothing" in (await world.ask("/saved export csv", person="bob", is_admin=False)).text


async def test_formats_are_offered(world):
    """Without one there is a button for each, and one that does not exist is met with those that do."""
    reply = await world.ask("/saved export")
    assert [each.label for each in reply.buttons] == ["bibtex", "ris", "csv", "markdown"]
    assert (await world.ask(reply.buttons[1].line)).file.name == "saved-papers.ris"
    assert "bibtex, ris, csv, markdown" in await world.say("/saved export docx")


async def test_a_tap_gives_the_entry_to_copy(world):
    """The button of a card; of a collaboration the entry is a file."""
    card = await world.ask("/paper 2611.00001")
    (line,) = [each.line for each in card.buttons if each.label == "BibTeX"]
    [(_, key, fields)] = read_bibtex((await world.ask(line)).copy + "\n")
    assert (key, fields["author"]) == ("vandenberg-2611.00001", "van den Berg, Jan")
    many = make_paper("2611.00009", authors=tuple(f"Ada Vale{number}" for number in range(500)))
    crowd = World(make_batch(many))
    await crowd.say("/categories add cs.CL", "/digest")
    reply = await crowd.ask("/bibtex 2611.00009")
    assert reply.file.name == "2611.00009.bib"
    assert len(read_bibtex(reply.file.text)[0][2]["author"].split(" and ")) == 500
