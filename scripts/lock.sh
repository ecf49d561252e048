#!/usr/bin/env bash
# Compile the lock files. Hashes stay, index addresses do not: the lock must install from any index.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { .venv/bin/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --no-annotate --no-header "$@"; }
compile --extra neighbours --output-file requirements.txt pyproject.toml
compile --extra neighbours --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
# pip-compile drops the marker of an extra's requirement; without it nothing could be installed where atheris has no wheel.
marker=$(sed -n 's/^ *"atheris[^;]*; \(.*\)",$/\1/p' pyproject.toml)
sed -i "s/^\(atheris==[^ ]*\) \(\\\\\)\$/\1 ; $marker \2/" requirements-dev.txt
compile --output-file bench/policy/requirements.txt bench/policy/requirements.in
