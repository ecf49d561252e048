#!/usr/bin/env bash
# .venv with everything locked. Needs only Python 3.11 or later with venv, and a package index.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-python3}"

fail() { printf 'setup: %s\n' "$1" >&2; exit 1; }

command -v "$python" >/dev/null || fail "no $python; install Python 3.11 or later (Debian: apt install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$("$python" --version) is too old: Stead needs 3.11 or later; name another with PYTHON=..."
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv is missing (Debian: apt install python3-venv)"

[ -x .venv/bin/python ] || "$python" -m venv .venv
# The lock files are hashed; what they name is installed exactly or not at all.
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-dev.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
.venv/bin/python - <<'PYTHON'
import importlib.util
if importlib.util.find_spec("moto") is None:
    print("setup: moto (the extra stead[neighbours]) is missing: AWS managed policies other than Stead's own will not be there")
PYTHON
touch .venv/.ready
