"""An OpenAI-compatible server on loopback, as strict as the one whose dialect it speaks, and as unreliable as a test asks for.

What each dialect refuses, and with which words, is what users of the real ones report.
"""

import asyncio
import json
import re
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.servers.openai_batches import BatchDesk
from tests.servers.openai_embeddings import EmbeddingDesk

TOKEN = "sk-proj-very-secret-key-0123456789"
LETTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server takes. `most_texts`: to embed in one request. `context`: tokens of question and answer; 0 is enough for all. `is_forgetful`: cuts silently."""

    models: tuple[str, ...]
    formats: tuple[str, ...] = ("text", "json_object", "json_schema")
    limits: tuple[str, ...] = ("max_tokens", "max_completion_tokens")
    needs_key: bool = False
    has_batches: bool = False
    must_say_json: bool = False
    most_texts: int = 2_048
    context: int = 0
    is_forgetful: bool = False
    overflow: str = ""
    refusal: str = "This response_format type is unavailable now"


DIALECTS = {
    "openai": Dialect(
        ("gpt-5.4-mini", "text-embedding-3-small"),
        limits=("max_completion_tokens",),
        needs_key=True,
        has_batches=True,
        must_say_json=True,
        context=128_000,
        overflow="context_length_exceeded",
    ),
    "deepseek": Dialect(
        ("deepseek-flash",),
        ("text", "json_object"),
        ("max_tokens",),
        needs_key=True,
        must_say_json=True,
        context=64_000,
    ),
    "qwen": Dialect(
        ("qwen-plus", "text-embedding-v4"),
        limits=("max_tokens",),
        needs_key=True,
        has_batches=True,
        must_say_json=True,
        most_texts=10,
    ),
    "ollama": Dialect(("llama3.2:3b", "all-minilm"), context=4_096, is_forgetful=True),
    "vllm": Dialect(("Qwen/Qwen3-4B",), context=8_192, overflow="This model's maximum context length is 8192 tokens."),
    "llama.cpp": Dialect((), context=4_096, overflow="exceed_context_size_error"),
    "plain": Dialect((), ("text",), ("max_tokens",), refusal="Extra inputs are not permitted"),
}


@dataclass
class OpenAIServer:
    """Answers in its `dialect`; what is in `plans` comes first, one by one: a name of FAULTS, or a text to be the answer.

    `bodies` are the requests that were well-formed; `tokens` those charged for; `most_open` how many were open at once.
    """

    dialect: Dialect
    plans: deque = field(default_factory=deque)
    bodies: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    tokens: int = 0
    open_now: int = 0
    most_open: int = 0
    pause: float = 0.0
    embedding: EmbeddingDesk = field(default_factory=EmbeddingDesk)
    token: str = TOKEN

    @property
    def calls(self):
        """How many requests came, refused ones too."""
        return len(self.bodies) + len(self.refused)

    async def handle(self, request):
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            await asyncio.sleep(self.pause)
            return await self._answer(request)
        finally:
            self.open_now -= 1

    async def _answer(self, request):
        body = await request.json()
        error = refuse(self.dialect, body, request.headers.get("Authorization", ""))
        if error:
            self.refused.append(error)
            return error.response()
        self.bodies.append(body)
        wants_judgements = '"interests"' in body["messages"][1]["content"]
        plan = self.plans.popleft() if self.plans else "judged" if wants_judgements else "good"
        if plan in FAULTS:
            return await FAULTS[plan](request)
        text = WRITERS[plan](body) if plan in WRITERS else plan
        return web.json_response(self.complete(body, text, keeps_limit=plan != "flood"))

    async def embed(self, request):
        """`/embeddings`, by its own plans."""
        body = await request.json()
        error = self._refuse_texts(body, request.headers.get("Authorization", ""))
        if error:
            self.refused.append(error)
            return error.response()
        await asyncio.sleep(self.pause)
        plan = self.embedding.plans.popleft() if self.embedding.plans else "good"
        if plan in FAULTS:
            self.embedding.bodies.append(body)
            return await FAULTS[plan](request)
        answer = self.embedding.answer(body, plan)
        self.tokens += answer.get("usage", {}).get("prompt_tokens", 0)
        return web.Response(text=json.dumps(answer), content_type="application/json")

    def _refuse_texts(self, body, authorization):
        dialect, texts = self.dialect, body.get("input")
        is_list = isinstance(texts, list) and texts and all(isinstance(each, str) and each for each in texts)
        longest = max(map(len, texts)) // LETTERS_A_TOKEN if is_list else 0
        rules = (
            (dialect.needs_key and authorization != f"Bearer {TOKEN}", Refusal(401, "Incorrect API key provided")),
            (dialect.models and body.get("model") not in dialect.models, Refusal(404, "The model does not exist")),
            (set(body) - {"model", "input", "encoding_format"}, Refusal(400, "Unrecognized request argument supplied")),
            (not is_list, Refusal(400, "'$.input' is invalid")),
            (
                is_list and len(texts) > dialect.most_texts,
                Refusal(400, f"batch size must not be over {dialect.most_texts}"),
            ),
            (
                self.embedding.most_tokens and longest > self.embedding.most_tokens,
                Refusal(400, dialect.overflow or "context length exceeded"),
            ),
        )
        return next((refusal for is_broken, refusal in rules if is_broken), None)

    def complete(self, body, text, *, keeps_limit=True):
        """The chat completion that says this."""
        most = body.get("max_tokens") or body["max_completion_tokens"]
        cut = text[: most * LETTERS_A_TOKEN] if keeps_limit else text
        given = sum(len(each["content"]) // LETTERS_A_TOKEN for each in body["messages"])
        usage = {"prompt_tokens": min(given, self.dialect.context) if self.dialect.is_forgetful else given}
        usage["completion_tokens"] = len(cut) // LETTERS_A_TOKEN
        self.tokens += sum(usage.values())
        reason = "stop" if cut == text and not text.endswith(CUT_MARK) else "length"
        message = {"role": "assistant", "content": cut.removesuffix(CUT_MARK)}
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return {"id": "c1", "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request turned away."""

    status: int
    message: str
    code: str = "invalid_request_error"

    def response(self):
        error = {"message": self.message, "type": self.code, "param": None, "code": self.code}
        return web.json_response({"error": error}, status=self.status)


def refuse(dialect, body, authorization):
    """The first thing that the server of this dialect does not like, or None."""
    messages = body.get("messages") or [{}]
    form = body.get("response_format", {"type": "text"})
    size = sum(len(each.get("content") or "") for each in messages) // LETTERS_A_TOKEN
    asked = body.get("max_tokens", body.get("max_completion_tokens", 0))
    said = " ".join(each.get("content") or "" for each in messages).lower()
    rules = (
        (
            dialect.needs_key and authorization != f"Bearer {TOKEN}",
            Refusal(401, "Incorrect API key provided: sk-pr***"),
        ),
        (set(body) - KNOWN_FIELDS, Refusal(400, f"Unrecognized request argument supplied: {set(body) - KNOWN_FIELDS}")),
        (dialect.models and body.get("model") not in dialect.models, Refusal(404, "The model does not exist")),
        (not body.get("model"), Refusal(400, "you must provide a model parameter")),
        ([each.get("role") for each in messages] != ["system", "user"], Refusal(400, "roles must alternate")),
        (
            "max_tokens" in body and "max_tokens" not in dialect.limits,
            Refusal(400, USE_OTHER_LIMIT, "unsupported_parameter"),
        ),
        (
            "max_completion_tokens" in body and "max_completion_tokens" not in dialect.limits,
            Refusal(400, "unknown field"),
        ),
        (not isinstance(asked, int) or asked < 1, Refusal(400, "max_tokens is too low")),
        (form["type"] not in dialect.formats, Refusal(400, dialect.refusal)),
        (form["type"] == "json_schema" and not is_strict(form.get("json_schema", {})), Refusal(400, "Invalid schema")),
        (
            form["type"] == "json_object" and dialect.must_say_json and "json" not in said,
            Refusal(400, "'messages' must contain the word 'json' in some form"),
        ),
        (
            dialect.context and not dialect.is_forgetful and size + asked > dialect.context,
            Refusal(400, dialect.overflow or "context length exceeded"),
        ),
    )
    return next((refusal for is_broken, refusal in rules if is_broken), None)


KNOWN_FIELDS = {"model", "messages", "response_format", "max_tokens", "max_completion_tokens"}
USE_OTHER_LIMIT = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
)


def is_strict(wanted):
    """OpenAI's rules for strict schemas: a name, and every object closed with all its properties required."""
    schema = wanted.get("schema", {})
    is_closed = schema.get("additionalProperties") is False
    return bool(wanted.get("name")) and is_closed and set(schema["required"]) == set(schema["properties"])


OPENERS = {"Simplified Chinese": "本文研究了以下问题并给出结果：", "German": "Die Arbeit zeigt: "}
LISTS = ("contributions", "methods", "results", "conclusions", "limitations")
CUT_MARK = "\x00cut"


def write_summary(body, **changes):
    """A good answer, made of sentences that were sent, in the language asked for."""
    system, paper = body["messages"][0]["content"], json.loads(body["messages"][1]["content"])
    language = re.search(r"Write in ([^.]+)\.", system)[1]
    opener = OPENERS.get(language, "")
    firsts = [opener + re.split(r"(?<=\.)\s", each["text"])[0] for each in paper["sections"]]
    address = re.search(r"https?://[^\s\"]+", body["messages"][1]["content"])
    lists = {name: [firsts[place % len(firsts)]] for place, name in enumerate(LISTS)}
    url = address[0].rstrip(".") if address else ""
    return {"tldr": firsts[0], **lists, "code_url": url} | changes


def _json(body, **changes):
    return json.dumps(write_summary(body, **changes), ensure_ascii=False)


def papers_of(body):
    return json.loads(body["messages"][1]["content"])["papers"]


def write_judgements(body, score=lambda place: place % 11, step=1, *, twice=False):
    """A judgement of every `step`th paper, by its place from 0."""
    scores = [{"id": each["id"], "score": score(place)} for place, each in enumerate(papers_of(body)[::step])]
    first = [{**scores[0], "score": 9}] if twice else []
    return json.dumps({"scores": [*scores, *first]})


WRITERS = {
    "good": _json,
    "fenced": lambda body: f"```json\n{_json(body)}\n```",
    "prose": lambda body: f"Sure! Here is the {{JSON}}:\n\n{_json(body)}\n\nTell me if you need more.",
    "think": lambda body: f'<think>A paper. {{"tldr": "no"}}</think>\n{_json(body)}',
    "late think": lambda body: f'Let me see: {{"tldr": "no"}}</think>{_json(body)}',
    "texts": lambda body: _json(
        body, contributions="One line.\n- Another line.", methods={"data": "Sets."}, results=None
    ),
    "truncated": lambda body: _json(body)[: len(_json(body)) * 2 // 3] + CUT_MARK,
    "hopeless": lambda _: '{"tldr": "We' + CUT_MARK,
    "no tldr": lambda body: _json(body, tldr=""),
    "chinese": lambda body: _json(body, tldr="我们数了茶壶。", **{name: ["这是中文的一行。"] for name in LISTS}),
    "english": lambda body: _json(body, tldr="We count teapots.", **{name: ["Plain English."] for name in LISTS}),
    "invented": lambda body: _json(body, results=["It gains 77.7% over all.", *write_summary(body)["results"]]),
    "false tldr": lambda body: _json(body, tldr="It gains 77.7% over everything."),
    "misquoted": lambda body: _json(body, conclusions=["They call it “the best ever”."]),
    "markup": lambda body: _json(
        body,
        results=[
            "<b>Good</b> **work** @everyone, see [this](https://evil.example/x) or www.evil.example <script>\u202e"
        ],
        code_url="https://evil.example/code",
    ),
    "long": lambda body: _json(body, results=["word " * 20_000]),
    "flood": lambda body: _json(body, methods=["word " * 20_000]) + "And so on. " * 10_000,
    "judged": write_judgements,
    "judged alike": lambda body: write_judgements(body, lambda _: 5),
    "judged of 100": lambda body: write_judgements(body, lambda place: 10 * place),
    "judged of 1": lambda body: write_judgements(body, lambda place: place / 30),
    "judged half": lambda body: write_judgements(body, lambda place: place % 11, step=2),
    "judged twice": lambda body: write_judgements(body, twice=True),
    "judged by name": lambda body: json.dumps({each["id"]: 7 - place for place, each in enumerate(papers_of(body))}),
    "judged others": lambda _: '{"scores": [{"id": "1234.56789", "score": 3}]}',
    "chatter": lambda _: "I think that " * 8_000,
    "empty": lambda _: "",
}


async def _slow(_):
    await asyncio.sleep(30)


async def _cut(request):
    request.transport.close()
    return web.Response()


def _status(status, headers=None, message="Try again later", code="error"):
    async def answer(_):
        error = {"error": {"message": message, "type": code, "code": code}}
        return web.json_response(error, status=status, headers=headers)

    return answer


def _text(text, content_type):
    async def answer(_):
        return web.Response(text=text, content_type=content_type)

    return answer


FAULTS = {
    "slow": _slow,
    "connection cut": _cut,
    "429": _status(429),
    "429 wait": _status(429, {"Retry-After": "7"}),
    "429 wait long": _status(429, {"Retry-After": "600"}),
    "429 quota": _status(429, code="insufficient_quota"),
    "500": _status(500),
    "503": _status(503),
    "402": _status(402, message="Insufficient Balance"),
    "filtered": _status(400, code="data_inspection_failed"),
    "html": _text("<html><body>Welcome to the proxy</body></html>", "text/html"),
    "broken json": _text('{"choices": [', "application/json"),
    "other json": _text('{"choices": null}', "application/json"),
    "refusal": _text('{"choices": [{"message": {"content": null, "refusal": "No."}}]}', "application/json"),
    "no usage": _text('{"choices": [{"message": {"content": "{\\"tldr\\": \\"Tea.\\"}"}}]}', "application/json"),
    "odd usage": _text(
        '{"choices": [{"message": {"content": "{\\"tldr\\": \\"Tea.\\"}"}}], "usage": {"prompt_tokens": "9"}}',
        "application/json",
    ),
}


@asynccontextmanager
async def serve(name="openai"):
    """A server of this dialect; `url` is its base address."""
    server = OpenAIServer(DIALECTS[name])
    app = web.Application(client_max_size=30_000_000)
    app.router.add_post("/v1/chat/completions", server.handle)
    app.router.add_post("/v1/embeddings", server.embed)
    server.batches = BatchDesk(server, refuse, WRITERS)
    if server.dialect.has_batches:
        server.batches.add_routes(app.router)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
