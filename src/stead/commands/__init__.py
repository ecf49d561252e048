"""The commands of ``stead``, one module each; ``stead.cli`` holds the table of them.

A module has ``add_options(parser)`` and ``run(options)``, which returns the exit code. A :class:`~stead.commands.output.CommandError` is
shown as one line, exit code 2. What only a run needs is imported in the run: every start of the command loads every module of this package.
"""
