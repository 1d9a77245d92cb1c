# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
COPY bot /app/bot
COPY handlers /app/handlers
COPY storage /app/storage
COPY config /app/config
RUN python -m compileall -q /app

FROM python:3.11-slim-bookworm
# The clients of arXiv and of language models trust what the system trusts.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin paperround \
    && install --directory --owner=paperround --mode=0700 /srv/paperround/data
COPY --from=build /venv /venv
COPY --from=build /app /app
# DATA_DIR is not set here: it would say on every host that its disk lasts.
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORT=8080
WORKDIR /srv/paperround
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=8)"]
CMD ["python", "-m", "bot", "run"]
