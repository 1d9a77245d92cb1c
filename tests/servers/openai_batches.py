"""The files and batches of the server in `openai.py`, as strict as OpenAI's: a batch is done when it was asked for often enough."""

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

LINE_FIELDS = {"custom_id", "method", "url", "body"}
BATCH_FIELDS = {"input_file_id", "endpoint", "completion_window"}
URL = "/v1/chat/completions"


@dataclass
class BatchDesk:
    """Answers every line as `refuse` and `writers` would a single call; those of `plans` come first, one by one.

    A plan that no writer knows is the line's failure. `delay`: how often a batch is asked for in vain; `end`: its last
    status; `faults`: what comes of the next requests: an HTTP status, "odd" or "broken" JSON, a connection "cut", or None for an answer.
    """

    server: Any
    refuse: Any
    writers: dict
    plans: deque = field(default_factory=deque)
    faults: deque = field(default_factory=deque)
    delay: int = 0
    end: str = "completed"
    files: dict = field(default_factory=dict)
    made: dict = field(default_factory=dict)
    bodies: list = field(default_factory=list)

    def add_routes(self, router):
        """All under /v1."""
        router.add_post("/v1/files", self._checked(self.upload))
        router.add_get("/v1/files/{id}/content", self._checked(self.download))
        router.add_post("/v1/batches", self._checked(self.create))
        router.add_get("/v1/batches", self._checked(self.list))
        router.add_get("/v1/batches/{id}", self._checked(self.retrieve))

    def _checked(self, answer):
        async def handle(request):
            refusal = self.refuse(self.server.dialect, {}, request.headers.get("Authorization", ""))
            if refusal and refusal.status == 401:
                return refusal.response()
            fault = self.faults.popleft() if self.faults else None
            if fault == "cut":
                request.transport.close()
            if fault == "odd":
                return web.json_response({"welcome": "to the proxy"})
            if fault == "broken":
                return web.Response(text='{"id":', content_type="application/json")
            return _error(fault) if isinstance(fault, int) else await answer(request)

        return handle

    async def upload(self, request):
        """One JSONL file, for a batch."""
        form = await request.post()
        file = form["file"]
        if set(form) != {"file", "purpose"} or form["purpose"] != "batch" or not file.filename.endswith(".jsonl"):
            return _error(400)
        return web.json_response({"id": self._keep(file.file.read()), "object": "file", "purpose": "batch"})

    async def create(self, request):
        """A batch of a file whose lines are all well-formed."""
        body = await request.json()
        if set(body) != BATCH_FIELDS or body["endpoint"] != URL or body["completion_window"] != "24h":
            return _error(400)
        lines = [json.loads(each) for each in self.files[body["input_file_id"]].splitlines()]
        if not lines or len({each["custom_id"] for each in lines}) != len(lines) or not all(map(_is_line, lines)):
            return _error(400)
        batch = {"id": f"batch_{len(self.made)}", "object": "batch", "status": "validating", **body}
        self.made[batch["id"]] = batch | {"asked": 0, "lines": lines}
        return web.json_response(batch)

    async def list(self, request):
        """The newest first."""
        limit = int(request.query.get("limit", "20"))
        if not 1 <= limit <= 100 or not set(request.query) <= {"limit", "after"}:
            return _error(400)
        newest = list(reversed(self.made.values()))
        ids = [each["id"] for each in newest]
        begin = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = newest[begin : begin + limit]
        return web.json_response(
            {"object": "list", "data": [_shown(each) for each in page], "has_more": begin + limit < len(newest)}
        )

    async def retrieve(self, request):
        """Where it stands."""
        batch = self.made.get(request.match_info["id"])
        if batch is None:
            return _error(404)
        batch["asked"] += 1
        if batch["asked"] <= self.delay:
            batch["status"] = "in_progress"
        elif batch["status"] != self.end:
            batch |= {"status": self.end, **(self._answer(batch["lines"]) if self.end != "failed" else {})}
        return web.json_response(_shown(batch))

    async def download(self, request):
        """A file's content."""
        content = self.files.get(request.match_info["id"])
        return _error(404) if content is None else web.Response(body=content)

    def _answer(self, lines):
        good, bad = [], []
        for line in lines:
            plan = self.plans.popleft() if self.plans else "good"
            refusal = self.refuse(self.server.dialect, line["body"], self._authorization)
            if refusal or plan not in self.writers:
                bad.append(_line(line, refusal.status if refusal else 500, {"error": {"message": plan}}))
            else:
                self.bodies.append(line["body"])
                good.append(_line(line, 200, self.server.complete(line["body"], self.writers[plan](line["body"]))))
        # Answers come in any order.
        return {
            name: self._keep("".join(f"{json.dumps(each)}\n" for each in reversed(kept)).encode())
            for name, kept in (("output_file_id", good), ("error_file_id", bad))
            if kept
        }

    @property
    def _authorization(self):
        return f"Bearer {self.server.token}"

    def _keep(self, content):
        identifier = f"file-{len(self.files)}"
        self.files[identifier] = content
        return identifier


def _shown(batch):
    return {name: each for name, each in batch.items() if name not in {"asked", "lines"}}


def _is_line(line):
    return set(line) == LINE_FIELDS and line["method"] == "POST" and line["url"] == URL


def _line(line, status, body):
    answer = {"status_code": status, "request_id": "r", "body": body}
    return {"id": f"batch_req_{line['custom_id']}", "custom_id": line["custom_id"], "response": answer, "error": None}


def _error(status):
    return web.json_response({"error": {"message": "No.", "type": "error", "code": None}}, status=status)
