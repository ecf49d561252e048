"""Condition operators: one file per value type, each a table ``OPERATORS``; everything they share is in ``condition.py``."""

from __future__ import annotations

from stead.policy.conditions.condition import ENFORCED, Condition, parse_operator

__all__ = ["ENFORCED", "Condition", "parse_operator"]
