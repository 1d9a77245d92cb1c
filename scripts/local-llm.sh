#!/bin/sh
# Starts a model on this machine, asks it for one summary, and stops it again.
#   scripts/local-llm.sh ollama [MODEL] [OPTIONS]        a model of ollama's library, pulled if need be
#   scripts/local-llm.sh llama.cpp FILE.gguf [OPTIONS]   a model file
# OPTIONS go to scripts/local_llm.py: --text FILE, --language zh. See docs/local-llm.md.
set -eu
cd "$(dirname "$0")/.."
kind=${1:?ollama or llama.cpp}
shift
port=${LLM_PORT:-18434}
context=${LLM_CONTEXT:-16384}
python=${PYTHON:-.venv/bin/python}

case $kind in
ollama)
    model=llama3.2:3b
    case ${1:-} in '' | -*) ;; *) model=$1 && shift ;; esac
    export OLLAMA_HOST="127.0.0.1:$port" OLLAMA_CONTEXT_LENGTH="$context"
    ollama serve >/dev/null 2>&1 &
    ready="http://127.0.0.1:$port/api/version"
    ;;
llama.cpp)
    model=${1:?the path of a .gguf file}
    shift
    llama-server --model "$model" --ctx-size "$context" --host 127.0.0.1 --port "$port" >/dev/null 2>&1 &
    model=local
    ready="http://127.0.0.1:$port/health"
    ;;
*)
    echo "ollama or llama.cpp, not $kind" >&2
    exit 2
    ;;
esac
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT INT TERM

tries=0
until "$python" -c "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=2)" "$ready" 2>/dev/null; do
    kill -0 "$server" || { echo "the model server did not start" >&2; exit 1; }
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || { echo "the model server is not ready after two minutes" >&2; exit 1; }
    sleep 1
done
if [ "$kind" = ollama ]; then ollama pull "$model"; fi

# Half of the context: some for the answer, some for what the estimate gets wrong.
OPENAI_BASE_URL="http://127.0.0.1:$port/v1" OPENAI_API_KEY='' SUMMARY_MODEL="$model" \
SUMMARY_INPUT_TOKENS="${SUMMARY_INPUT_TOKENS:-$((context / 2))}" SUMMARY_TIMEOUT="${SUMMARY_TIMEOUT:-900}" \
    "$python" -m scripts.local_llm "$@"
