"""The event history as it is stored, and found again.

Theory of operation. Two million events would be two million rows with an index entry for every attribute that LookupEvents asks for. Instead
events live in *blocks*: up to :data:`BLOCK_EVENTS` events of one account and Region, within :data:`BLOCK_SPAN` of time, are one row; and a
block has one index entry for each value that occurs in it (``keys.py``). Reads come in bursts that differ in times and ids only, so a block
keeps what its events have in common once (``block.py``).

A write's event cannot wait for others: it goes into the *tail*, a table without any index, in the transaction of its call. So do the few
reads of a quiet second. Once the tail holds a block's worth it is packed into blocks (``writing.py``), by whichever process comes first.

Events are ordered by time and id; ids are ordered by time themselves (``aws/ids.py``). A search merges the tail and the blocks of its key,
newest first (``search.py``). As no block spans more than :data:`BLOCK_SPAN`, the blocks that hold a given moment are a short stretch of the
index however long the history is.
"""

from __future__ import annotations

from stead.store.events.block import BLOCK_EVENTS, BLOCK_SPAN, Event, Shape
from stead.store.events.keys import ATTRIBUTES
from stead.store.events.search import LATEST, Found, Place, Range, Search, all_between, decided_of, newest
from stead.store.events.writing import forget, insert_blocks, insert_tail, pack, pack_if_due

__all__ = [
    "ATTRIBUTES",
    "BLOCK_EVENTS",
    "BLOCK_SPAN",
    "LATEST",
    "Event",
    "Found",
    "Place",
    "Range",
    "Search",
    "Shape",
    "all_between",
    "decided_of",
    "forget",
    "insert_blocks",
    "insert_tail",
    "newest",
    "pack",
    "pack_if_due",
]
