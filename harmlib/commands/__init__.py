"""What the shell commands share, and in the modules here what they do with files."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from harmlib.errors import HarmlibError


def run_command(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Run the command that ``arguments`` name, by default those of the shell; return its exit code (0, or 2 for bad input).

    parser: every subcommand sets ``run``, a function of the parsed arguments that may return an exit code.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # Read when torch loads. By default a waiting thread keeps its core busy: beside another job, training took up to ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options = parser.parse_args(arguments)
    try:
        return options.run(options) or 0
    except HarmlibError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
