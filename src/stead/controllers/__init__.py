"""Background work: level-triggered, one row kind each (design D4)."""
