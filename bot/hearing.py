"""What models say of a benchmark's papers, by the same fusion as in digests; nothing of it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from bot.errors import LLMError
from bot.evaluation import Scored
from bot.meaning import (
    MOST_MATCHES,
    MOST_TITLES,
    SHORTLIST,
    by_judgement,
    by_meaning,
    in_order,
    liked_passages,
    newest_first,
    paper_passage,
    topic_passages,
)
from bot.model.digest import Score
from bot.model.meaning import Interests, Passage, Vector
from bot.model.summary import Usage
from bot.nearness import MOST_SAMPLED, Background, find_near
from bot.ports import Embedder, Judge


@dataclass(slots=True)
class Hearing:
    """Hears an embedder and a judge, as far as they are there, within a budget of tokens. What they fail at is left out, and told.

    Of a task the first papers have vectors, as many as match at most in a chat, not all: a benchmark may have tens of thousands.
    """

    embedder: Embedder | None
    judge: Judge | None
    budget: int
    used: Usage = field(default_factory=Usage)
    faults: list[str] = field(default_factory=list)
    _vectors: dict[str, Vector] = field(default_factory=dict)

    async def hear(self, task: Scored) -> Sequence[Score]:
        scores = task.scores
        if self.embedder is not None:
            scores = await self._hear_embedder(self.embedder, task)
        return scores if self.judge is None else await self._hear_judge(self.judge, task, scores)

    def describe(self) -> str:
        models = [("EMBEDDING_MODEL", self.embedder), ("JUDGE_MODEL", self.judge)]
        named = " and ".join(f"{name} {each.model}" for name, each in models if each is not None)
        failed = f"; failed {len(self.faults)} times, last: {self.faults[-1]}" if self.faults else ""
        return f"{named} ({self.used.total} tokens so far{failed})"

    async def _hear_embedder(self, embedder: Embedder, task: Scored) -> Sequence[Score]:
        interests = topic_passages(task.profile.topics), liked_passages(task.feedback.liked)
        first = in_order(task.papers, task.scores)
        matches = [place for place in first if task.scores[place].points > 0][:MOST_MATCHES]
        usual = [paper_passage(each) for each in islice(newest_first(task.known), MOST_SAMPLED)]
        passages = [paper_passage(task.papers[place].paper) for place in matches]
        await self._embed(embedder, [*interests[0], *interests[1], *usual, *passages])
        background = Background([self._vectors[each.key] for each in usual if each.key in self._vectors])
        near = find_near(
            [self._vectors.get(paper_passage(each.paper).key) for each in task.papers],
            [[self._vectors.get(each.key) for each in kind] for kind in interests],
            background,
            first,
        )
        return by_meaning(task.papers, task.scores, near, [each.name for kind in interests for each in kind])

    async def _embed(self, embedder: Embedder, passages: Sequence[Passage]) -> None:
        lacking = list({each.key: each for each in passages if each.key not in self._vectors}.values())
        for start in range(0, len(lacking), embedder.most):
            some = lacking[start : start + embedder.most]
            texts = [each.text for each in some]
            if not self._has_room(embedder.estimate(texts)):
                return
            try:
                vectors, used = await embedder.embed(texts)
            except LLMError as error:
                self._fail(error)
                continue
            self.used += used
            self._vectors |= {each.key: vector for each, vector in zip(some, vectors, strict=True)}

    async def _hear_judge(self, judge: Judge, task: Scored, scores: Sequence[Score]) -> Sequence[Score]:
        places = [place for place in in_order(task.papers, scores) if scores[place].points > 0][:SHORTLIST]
        papers = [task.papers[place].paper for place in places]
        topics = tuple(each.name for each in topic_passages(task.profile.topics))
        interests = Interests(topics, tuple(each.name for each in liked_passages(task.feedback.liked)[:MOST_TITLES]))
        if not (papers and interests and self._has_room(judge.estimate(interests, papers))):
            return scores
        try:
            said, used = await judge.judge(interests, papers)
        except LLMError as error:
            self._fail(error)
            return scores
        self.used += used
        return by_judgement(task.papers, scores, [said.get(each.paper.id) for each in task.papers])

    def _has_room(self, tokens: int) -> bool:
        if self.used.total + tokens <= self.budget:
            return True
        self.faults.append("LLM_DAILY_BUDGET, which holds for each run, is used up")
        return False

    def _fail(self, error: LLMError) -> None:
        self.used += Usage(error.spent)
        self.faults.append(str(error))
