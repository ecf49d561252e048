r"""The models' patterns, which are Java's, as Python matchers.

A pattern covers the whole value. ``\w``, ``\d`` and ``\s`` are ASCII in Java. ``\p{L}``, ``\p{N}`` and ``\p{Z}`` are Unicode categories that
Python's ``re`` lacks: each becomes its ASCII characters and one stand-in, and a value's other characters of that category are replaced by the
stand-in before matching. (A pattern that names a category and single characters beyond ASCII would need more; the models have none.) A
surrogate pair in a class stands for the characters beyond the basic plane.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CATEGORY = re.compile(r"\\p\{([A-Z])\}")
_STAND_INS = {"L": "\ue000", "N": "\ue001", "Z": "\ue002"}  # private use: of no category that a pattern names
_CLASSES = {"L": "A-Za-z\ue000", "N": "0-9\ue001", "Z": " \ue002"}
_NO_CATEGORY = "\uffff"
_SUPPLEMENTARY = (r"\uD800\uDC00-\uDBFF\uDFFF", "\U00010000-\U0010ffff")


@cache
def matcher(pattern: str) -> Callable[[str], object]:
    """A function whose result is true when the whole of its argument matches the model's ``pattern``."""
    plain = _CATEGORY.sub(lambda found: _CLASSES[found[1]], pattern.replace(*_SUPPLEMENTARY))
    match = re.compile(plain, re.ASCII).fullmatch
    return match if not _CATEGORY.search(pattern) else partial(_match_categories, match)


def _match_categories(match: Callable[[str], object], value: str) -> object:
    return match(value if value.isascii() else "".join(map(_stand_in, value)))


def _stand_in(character: str) -> str:
    if character.isascii():
        return character
    return _STAND_INS.get(unicodedata.category(character)[0], _NO_CATEGORY)
