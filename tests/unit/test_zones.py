"""Time zones by the names people have for them."""

import tomllib
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.zones import check_zone, find_zones, open_zone
from config.settings import read_bundled


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("(Europe/Berlin)", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("new_york", "America/New_York"),
        ("america/new york", "America/New_York"),
        ("Asia/Kolkata", "Asia/Kolkata"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("São Paulo", "America/Sao_Paulo"),
        ("sao paulo", "America/Sao_Paulo"),
        ("Munich", "Europe/Berlin"),
        ("münchen", "Europe/Berlin"),
        ("Bengaluru", "Asia/Kolkata"),
        ("san francisco", "America/Los_Angeles"),
        ("Saint-Petersburg", "Europe/Moscow"),
        ("Washington, DC", "America/New_York"),
        ("Berlin, Germany", "Europe/Berlin"),
        ("Tel Aviv", "Asia/Jerusalem"),
        ("Kiev", "Europe/Kyiv"),
        ("北京", "Asia/Shanghai"),
        ("柏林", "Europe/Berlin"),
        ("utc", "UTC"),
        ("GMT", "GMT"),
        ("CET", "CET"),
        ("US/Eastern", "US/Eastern"),
    ],
)
def test_a_place_names_its_zone(typed, zone):
    """IANA names and cities, whatever their case, accents and blanks."""
    assert check_zone(typed) == zone
    assert find_zones(typed)[0] == zone


@pytest.mark.parametrize("typed", ["UTC+2", "GMT-5", "utc +05:30", "+2", "EST", "CEST", "pst"])
def test_what_does_not_tell_of_summer_time_is_refused_kindly(typed):
    """An offset or its abbreviation is right for half a year at best; a city is asked for."""
    with pytest.raises(UserError, match="name a city"):
        check_zone(typed)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("Berl", "Did you mean Europe/Berlin"),
        ("Munchen-", "Europe/Berlin"),
        ("Shanghia", "Asia/Shanghai"),
        ("Atlantis-on-Sea", "large city nearby"),
        ("test", "No time zone or city"),
        ("", "large city nearby"),
    ],
)
def test_a_near_miss_gets_suggestions(typed, hint):
    """What begins or sounds alike is named; otherwise what to try instead."""
    try:
        assert check_zone(typed) in hint
    except UserError as error:
        assert hint in str(error)  # noqa: PT017 - one of the two


def test_a_name_of_several_cities_is_asked_about():
    """Nobody is put on the wrong continent."""
    assert find_zones("Cambridge")[:2] == ("Europe/London", "America/New_York")
    with pytest.raises(UserError, match="Europe/London, America/New_York"):
        check_zone("Cambridge, MA")


def test_beginnings_find_cities_those_that_zones_are_named_after_first():
    """As one types, the likeliest comes first; nothing typed finds nothing."""
    assert find_zones("ber")[0] == "Europe/Berlin"
    assert "America/Los_Angeles" in find_zones("san f")
    assert "America/New_York" in find_zones("york")
    assert find_zones("  ") == ()
    assert find_zones("zzzz") == ()


def test_every_bundled_city_has_a_zone_that_exists():
    """A misspelt zone would show in the first chat that wants it; at least 150 cities are there."""
    cities, known = tomllib.loads(read_bundled("cities.toml")), available_timezones()
    assert len(cities) >= 150
    for city, zones in cities.items():
        for zone in [zones] if isinstance(zones, str) else zones:
            assert zone in known, city
        assert set([zones] if isinstance(zones, str) else zones) <= set(find_zones(city)), city


@given(st.text(max_size=30))
def test_whatever_is_found_can_be_opened(text):
    """Every suggestion is a zone, and names itself."""
    for zone in find_zones(text)[:3]:
        assert open_zone(zone).key == zone
        assert check_zone(zone) == zone
