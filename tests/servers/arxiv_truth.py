"""What an invented arXiv has announced: the one truth that all its feeds, lists and records are made from."""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.model.paper import AnnounceType

NEW_YORK = ZoneInfo("America/New_York")
LAST_ANNOUNCED_VERSION = 5
SATURDAY = 5
NEW, CROSS, REPLACE, REPLACE_CROSS = AnnounceType
WITHDRAWN = "This paper has been withdrawn"


@dataclass(frozen=True)
class Version:
    """What a paper said from the announcement of `day` on; it was sent in on the weekday before."""

    day: date
    title: str
    abstract: str = "We count teapots."
    authors: tuple[str, ...] = ("Ada Vale", r"J\"org Oak")
    comment: str = ""
    doi: str = ""
    journal_ref: str = ""
    is_withdrawn: bool = False

    @property
    def submitted(self):
        """The UTC instant at which it was sent in."""
        day = self.day - timedelta(days=1)
        while day.weekday() >= SATURDAY:
            day -= timedelta(days=1)
        return datetime.combine(day, time(10), UTC)


@dataclass
class Paper:
    """`categories` has the primary first, each with the day from which on it lists the paper."""

    id: str
    categories: dict[str, date]
    versions: list[Version]
    removed: date | None = None
    license: str = "http://creativecommons.org/licenses/by/4.0/"

    def seen_on(self, day):
        """The paper as it was on `day`: its number of versions, the newest of them, and its categories."""
        versions = [each for each in self.versions if each.day <= day]
        return len(versions), versions[-1], tuple(name for name, since in self.categories.items() if since <= day)

    def changed(self, day):
        """The last day up to `day` on which anything of it changed."""
        days = (*(each.day for each in self.versions), *self.categories.values())
        return max(each for each in days if each <= day)


@dataclass(frozen=True)
class Event:
    """That `day` announces a version of a paper in each of these categories, as this type."""

    day: date
    paper: str
    version: int
    kinds: dict[str, AnnounceType]


@dataclass(frozen=True)
class Row:
    """A paper as one query sees it on one day; `categories` are those of that day."""

    paper: Paper
    version: int
    kind: AnnounceType
    categories: tuple[str, ...]


@dataclass
class Truth:
    """Everything that was, or will be, announced. Days are those of the feeds: New York, Monday to Friday."""

    papers: dict[str, Paper] = field(default_factory=dict)
    events: dict[date, list[Event]] = field(default_factory=dict)
    _invented: dict[str, int] = field(default_factory=dict)

    def announce(self, day, identifier, *categories, **fields):
        """A new paper: `new` in its primary, the first of `categories`, and `cross` in the others."""
        title = fields.pop("title", f"Teapots, part {identifier}")
        self.papers[identifier] = Paper(identifier, dict.fromkeys(categories, day), [Version(day, title, **fields)])
        self._add(day, identifier, self._kinds(identifier, NEW, CROSS))
        return identifier

    def fill(self, day, count, *categories, **fields):
        """So many new papers with invented ids, which are returned."""
        month = f"{day:%y%m}"
        start = self._invented.get(month, 0) + 1
        self._invented[month] = start + count - 1
        return [
            self.announce(day, f"{month}.{number:05}", *categories, **fields) for number in range(start, start + count)
        ]

    def replace(self, day, identifier, **changes):
        """A new version: `replace` in the primary, `replace-cross` elsewhere."""
        paper = self.papers[identifier]
        paper.versions.append(replace(paper.versions[-1], day=day, **changes))
        if len(paper.versions) <= LAST_ANNOUNCED_VERSION:
            self._add(day, identifier, self._kinds(identifier, REPLACE, REPLACE_CROSS))
        self.quiet(day)

    def withdraw(self, day, identifier):
        """A version that says that there is no paper any more."""
        self.replace(day, identifier, abstract=WITHDRAWN, comment=f"{WITHDRAWN} by Ada Vale", is_withdrawn=True)

    def cross(self, day, identifier, category):
        """A known paper is listed in one more category."""
        self.papers[identifier].categories[category] = day
        self._add(day, identifier, {category: CROSS})

    def reclassify(self, day, identifier, category):
        """A known paper has another primary from now on, where it is announced as new."""
        paper = self.papers[identifier]
        since = paper.categories.get(category, day)
        paper.categories = {category: since} | paper.categories
        self._add(day, identifier, {category: NEW})

    def remove(self, day, identifier):
        """The repository shows the paper no longer."""
        self.papers[identifier].removed = day

    def quiet(self, day):
        """There was an announcement on `day`, even if nothing is in it."""
        self.events.setdefault(day, [])

    @property
    def days(self):
        """The days of all announcements, in order."""
        return sorted(self.events)

    def rows(self, day, names):
        """What a query for categories or archives finds on `day`, by id: one row a paper, with its strongest type."""
        found = {}
        for event in self.events.get(day, ()):
            kinds = [kind for category, kind in event.kinds.items() if any(is_in(category, name) for name in names)]
            if event.paper in found:
                kinds.append(found[event.paper].kind)
            if kinds:
                kind = min(kinds, key=lambda each: each.strength)
                paper = self.papers[event.paper]
                found[event.paper] = Row(paper, event.version, kind, paper.seen_on(day)[2])
        return [found[each] for each in sorted(found)]

    def types(self, day, *names):
        """What must arrive: the type of each paper that the query finds on `day`."""
        return {row.paper.id: row.kind for row in self.rows(day, names)}

    def day_before(self, day, names):
        """The last day before `day` on which the query found anything, or None."""
        days = self.days
        return next((each for each in reversed(days[: bisect_left(days, day)]) if self.rows(each, names)), None)

    def day_at(self, now):
        """The day of the newest announcement that was out at `now`, or None."""
        return next((each for each in reversed(self.days) if announced_at(each) <= now), None)

    def _add(self, day, identifier, kinds):
        version = len(self.papers[identifier].versions)
        self.events.setdefault(day, []).append(Event(day, identifier, version, kinds))

    def _kinds(self, identifier, primary, other):
        first, *rest = self.papers[identifier].categories
        return {first: primary} | dict.fromkeys(rest, other)


def is_in(category, name):
    """Whether a query for `name`, a category or an archive in any case, finds what `category` lists."""
    return f"{category}.".casefold().startswith(f"{name}.".casefold())


def announced_at(day):
    """The UTC instant from which on lists, records and abstract pages tell of this day: 20:00 on the evening before."""
    return datetime.combine(day - timedelta(days=1), time(20), NEW_YORK).astimezone(UTC)


def feed_day(now):
    """The day on which a feed dates itself."""
    return now.astimezone(NEW_YORK).date()
