"""Embedded moto: one child process, started when first needed, that keeps a journal and so survives restarts (design D9).

Theory of operation. moto keeps everything in memory. The child gives each mutating call its own seed and its own moment, plays it, and
writes both into the journal with the request before it answers. At the next start the journal is played again, in its order and with the
same seeds and moments, and moto arrives at the same state: same ids, same addresses. Calls are played one at a time, so the order in the
journal is the order in which they happened. A process that is killed between playing and writing forgets the call with its memory.
"""
