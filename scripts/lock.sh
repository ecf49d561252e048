#!/usr/bin/env bash
# Compile the lock files. Hashes stay, index addresses do not: the lock must install from any index.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { .venv/bin/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --no-annotate --no-header "$@" pyproject.toml; }
compile --extra neighbours --output-file requirements.txt
compile --extra neighbours --extra dev --constraint requirements.txt --output-file requirements-dev.txt
