"""Time zones as people name them: an IANA name, its city, or a big city that no zone is named after. Pure.

The names come with the bot (tzdata, `config/cities.toml`) and are read when first asked for, so that every host knows the
same ones.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from bot.errors import UserError
from bot.folding import fold_letters
from bot.language import tr

UTC_NAME = "UTC"
# UTC+2, and abbreviations such as EST, CEST, JST.
_OFFSET = re.compile(
    r"(?:utc|gmt)?\s*[+\-−–]\s*\d{1,2}(?::?\d{2})?|(?:[abcehijkmnpw]|a[cekw]|[cew]e|nz)[sd]t", re.IGNORECASE
)
# They know no summer time, which those who write them for New York, Denver or Honolulu do not expect; Factory is no place.
_MISLEADING = frozenset({"EST", "MST", "HST", "Factory"})
_SUGGESTED = 3
_LONGEST_ECHO = 40


@cache
def open_zone(name: str) -> ZoneInfo:
    """The zone with this IANA name. Python itself keeps only a few of them, and reads a file for each of the others."""
    return ZoneInfo(name)


def find_zones(text: str) -> tuple[str, ...]:
    """The IANA names of the zones that `text` may mean, best first: exactly this name or city, then those that begin so."""
    wanted = fold_letters(text).rstrip()
    if not wanted:
        return ()
    cities = sorted(_cities().items(), key=lambda entry: (not _is_namesake(*entry), entry[0]))
    begun = [zone for city, zones in cities if city.startswith(wanted) for zone in zones]
    inside = [zone for city, zones in cities if wanted in city for zone in zones]
    return tuple(dict.fromkeys((*_named(text), *begun, *inside)))


def check_zone(text: str) -> str:
    """The IANA name of the one zone that `text` names. Raises UserError with suggestions."""
    shown = " ".join(text.split())[:_LONGEST_ECHO]
    named = _named(text)
    if len(named) == 1:
        return named[0]
    if not named and _is_offset(text):
        raise UserError(
            tr(
                "{zone} does not tell of summer time. Please name a city instead, such as Berlin or New York.",
                zone=shown,
            )
        )
    if named:
        raise UserError(
            tr("{city} is in several time zones. Please name one of them: {zones}.", city=shown, zones=", ".join(named))
        )
    problem = tr('No time zone or city called "{name}" is known here.', name=shown)
    near = (find_zones(text) or _nearly(text))[:_SUGGESTED]
    hint = tr("Did you mean {zones}?", zones=", ".join(near)) if near else tr("A large city nearby is as good.")
    raise UserError(tr("{first} {second}", first=problem, second=hint))


def _is_namesake(city: str, zones: tuple[str, ...]) -> bool:
    return zones[0].casefold().endswith(city.strip().replace(" ", "_"))


def _is_offset(text: str) -> bool:
    return _OFFSET.fullmatch(_tidy(text)) is not None


def _tidy(text: str) -> str:
    return " ".join(text.strip(" ()[]\"'“”.").split())


def _named(text: str) -> tuple[str, ...]:
    """The zones with exactly this name, or of exactly this city, whatever stands behind a comma."""
    tidy = _tidy(text)
    name = _names().get(tidy.replace(" ", "_").casefold())
    if name:
        return (name,)
    cities = _cities()
    return cities.get(fold_letters(tidy)) or cities.get(fold_letters(tidy.partition(",")[0])) or ()


def _nearly(text: str) -> tuple[str, ...]:
    cities = _cities()
    near = difflib.get_close_matches(fold_letters(text), cities, n=_SUGGESTED, cutoff=0.75)
    return tuple(dict.fromkeys(zone for city in near for zone in cities[city]))


@cache
def _names() -> Mapping[str, str]:
    """Every IANA name by itself in small letters."""
    text = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return {name.casefold(): name for name in text.split() if name not in _MISLEADING}


@cache
def _cities() -> Mapping[str, tuple[str, ...]]:
    """The zones of a city by its folded name: ours first, then those that zones are named after, then what they were called."""
    bundled = tomllib.loads(resources.files("config").joinpath("cities.toml").read_text(encoding="utf-8"))
    cities = {
        fold_letters(city): (zones,) if isinstance(zones, str) else tuple(zones) for city, zones in bundled.items()
    }
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    present = [line.split("\t")[2] for line in table.splitlines() if not line.startswith("#")]
    former = [name for name in _names().values() if "/" in name and not name.startswith("Etc/")]
    for name in (UTC_NAME, *present, *former):
        cities.setdefault(fold_letters(name.rpartition("/")[2]), (name,))
    return cities
