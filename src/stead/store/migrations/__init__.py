"""The schema's history. ``HEAD`` is the revision that this version of Stead works on (a test compares it with the scripts)."""

from __future__ import annotations

HEAD = "0008"
