"""A digest as JSON, for scripts; the schema is in docs/digest.schema.json. Pure."""

import json

from bot.model.digest import Digest, DigestPaper
from bot.model.summary import Summary

VERSION = 2


def render_json(digest: Digest) -> str:
    """The digest as one JSON document."""
    content = {
        "format": "paperround-digest",
        "version": VERSION,
        "day": digest.day.isoformat(),
        "categories": digest.categories,
        "is_sample": digest.is_sample,
        "total": digest.total,
        "left_out": {reason.name.lower(): count for reason, count in digest.left_out.items()},
        "papers": [_paper(paper) for paper in digest.papers],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _paper(shown: DigestPaper) -> dict[str, object]:
    paper = shown.announced.paper
    return {
        "place": shown.place,
        "id": paper.id,
        "version": paper.version,
        "title": paper.title,
        "authors": paper.authors,
        "categories": paper.categories,
        "announce_type": shown.announced.announce_type,
        "announced": shown.announced.day.isoformat(),
        "abstract": paper.abstract,
        "link": paper.link,
        "license": paper.license,
        "doi": paper.doi,
        "journal_ref": paper.journal_ref,
        "summary": _summary(shown.summary) if shown.summary else None,
        "also": [
            {"id": each.id, "version": each.version, "title": each.title, "link": each.link} for each in shown.also
        ],
        "score": shown.score.value,
        "points": round(shown.score.points, 6),
        "reasons": [
            {
                "kind": each.kind,
                "topic": each.topic,
                "fields": each.fields,
                "score": share,
                "points": round(each.points, 6),
            }
            for each, share in zip(shown.score.reasons, shown.score.shares, strict=True)
        ],
    }


def _summary(summary: Summary) -> dict[str, object]:
    return {
        "language": summary.language,
        "model": summary.model,
        "source": summary.source,
        "tldr": summary.tldr,
        "contributions": summary.contributions,
        "methods": summary.methods,
        "results": summary.results,
        "conclusions": summary.conclusions,
        "limitations": summary.limitations,
        "code_url": summary.code_url,
    }
