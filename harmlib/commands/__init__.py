"""What the shell commands share, and in the modules here what they do with files."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence

from harmlib import __version__
from harmlib.errors import HarmlibError

GOES_ON = "the same command goes on where it stopped"
STARTS_AGAIN = "nothing was written, and the same command starts again"


def add_version(parser: argparse.ArgumentParser) -> None:
    """Let a command and all its subcommands take ``--version``."""
    parser.add_argument("--version", action="version", version=f"harmlib {__version__}", help="show the version and exit")
    for action in parser._actions:  # argparse names its subcommands nowhere else
        if isinstance(action, argparse._SubParsersAction):
            for subcommand in action.choices.values():
                add_version(subcommand)


def run_command(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Run the command that ``arguments`` name, by default those of the shell; return its exit code (0, or 2 for bad input).

    parser: every subcommand sets ``run``, a function of the parsed arguments that may return an exit code, and may set ``interrupted``,
    what happens when the same command is given again.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: what is printed goes nowhere, and no file of ours gets its place
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal's encoding lacks
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # Read when torch loads. By default a waiting thread keeps its core busy: beside another job, training took up to ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options = parser.parse_args(arguments)
    if "" in (sys.argv[1:] if arguments is None else arguments):
        print(f"{parser.prog}: an argument is empty: a variable of the shell may not be set", file=sys.stderr)
        return 2
    try:
        code = options.run(options) or 0
        sys.stdout.flush()
        return code
    except HarmlibError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
    except BrokenPipeError:
        # Who read the output has seen enough; Python would complain once more when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        file = f'"{error.filename}": ' if error.filename is not None else ""
        print(f"{parser.prog}: {file}{error.strerror or error}", file=sys.stderr)
    except MemoryError as error:
        print(f"{parser.prog}: there is not enough memory for this ({error}): use smaller pictures", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted; {getattr(options, 'interrupted', GOES_ON)}", file=sys.stderr)
        return 130
    return 2
