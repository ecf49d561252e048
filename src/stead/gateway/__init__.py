"""One seam for every call, from outside or from inside: who calls, may they, do it, record it."""
