"""Reading a profile's file: what it extends and leaves out, and the one sentence about what is wrong in it."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Hashable, Mapping
from functools import reduce
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import yaml

from harmlib.errors import HarmlibError, ParameterError
from reproduction.checkout import CHECKOUT
from reproduction.schema import DEVICES, ProfileEntry, Slip, check_name, parse, suggest

CONFIG_FOLDER = CHECKOUT / "config"
# Not a profile: what all of them extend.
PAPERS_FILE = "papers.yaml"
EXTENDS = "extends"
# Our largest profile has 7 KB and 1,500 entries, aliases written out.
MAX_BYTES = 2**17
MAX_NODES = 100_000
MAX_DEPTH = 50
BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}

Result = TypeVar("Result")


def profile_path(name: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a profile's file; raises ParameterError for an unknown name, and for one that no folder can have."""
    path = Path(name) if str(name).endswith(".yaml") else CONFIG_FOLDER / f"{name}.yaml"
    if not path.is_file() or path.name == PAPERS_FILE:
        known = ", ".join(sorted(file.stem for file in CONFIG_FOLDER.glob("*.yaml") if file.name != PAPERS_FILE))
        raise ParameterError(f'there is no profile "{name}": choose one of {known}, or give a .yaml file')
    check_name(path.stem)  # its results have a folder of that name
    return path.absolute()


def read_profile(path: Path, planned: Callable[[ProfileEntry, set[str]], Result]) -> Result:
    """Return what ``planned`` makes of a profile's checked content and of the benchmarks and runs that it leaves out.

    Raises ParameterError with the file and the path of the key for whatever is wrong first.
    """
    contents = _read_files(path)
    whole = reduce(_merged, map(_by_device, reversed(contents.values())))
    try:
        gone = _left_out(whole)
        kept = {key: {name: part for name, part in whole[key].items() if name not in gone} for key in _named(whole)}
        return planned(parse({**whole, **kept}), gone)
    except Slip as slip:
        raise ParameterError(_sentence(slip, contents)) from slip


def _read_files(path: Path) -> dict[str, dict[str, Any]]:
    """Return name -> content of a profile's file and of those that it extends, the profile's own first."""
    contents: dict[str, dict[str, Any]] = {}
    known = sorted(file.name for file in CONFIG_FOLDER.glob("*.yaml"))
    while True:
        name = path.name
        if name in contents:
            raise ParameterError(f'"{name}" extends itself, by way of {", ".join(contents)}: remove one of these lines')
        contents[name] = _read_yaml(path)
        base = contents[name].pop(EXTENDS, None)
        if base is None:
            return contents
        if base not in known:
            raise ParameterError(f'"{name}": {EXTENDS} is {base!r}, which is no file of the folder config: {suggest(base, known)}')
        path = CONFIG_FOLDER / base


def _read_yaml(path: Path) -> dict[str, Any]:
    """Return a file's content; raises ParameterError for one that is no mapping, or in which a key stands twice."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ParameterError(f'"{path.name}" is larger than {MAX_BYTES // 1024} KiB, which no profile is: check the name')
        text = path.read_text(encoding="utf-8")
        # PyYAML takes the square of the depth in time before it gives up.
        if max(accumulate(BRACKETS.get(character, 0) for character in text), default=0) > MAX_DEPTH:
            raise RecursionError
        loader = _Loader(text)
        loader.name = path.name
        root = loader.get_single_node()
        _check_size(root, path.name)
        content = None if root is None else loader.construct_document(root)
    except HarmlibError:
        raise
    except Exception as error:  # a parser meets tags, dates and depth with whatever its first broken step raises
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise ParameterError(f'"{path.name}" is not valid YAML: {reason}') from error
    if not isinstance(content, dict):
        raise ParameterError(
            f'"{path.name}" is {"empty" if content is None else "no mapping of keys"}: start from a file of the folder config'
        )
    return content


class _Loader(yaml.SafeLoader):
    """YAML in which a key stands in a mapping once: PyYAML itself keeps the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping; raises ParameterError for a key that stands in it twice."""
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key.value, str) and (before := first.setdefault(key.value, line)) != line:
                raise ParameterError(f'"{self.name}": the key "{key.value}" stands in line {before} and again in line {line}: keep one')
        return super().construct_mapping(node, deep=deep)


def _check_size(root: yaml.Node | None, file: str) -> None:
    """Raise ParameterError for content that holds itself, or that aliases blow up to more than MAX_NODES entries."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node | None) -> int:
        if not isinstance(node, yaml.CollectionNode):
            return 1
        if id(node) not in sizes:
            sizes[id(node)] = MAX_NODES  # as long as it is not known: an alias of itself has no end
            parts = [part for entry in node.value for part in (entry if isinstance(entry, tuple) else (entry,))]
            sizes[id(node)] = min(MAX_NODES, 1 + sum(map(size, parts)))
        return sizes[id(node)]

    if size(root) >= MAX_NODES:
        raise ParameterError(f'"{file}" holds itself, or aliases that blow it up to more than {MAX_NODES} entries: write these out')


def _by_device(content: dict[str, Any]) -> dict[str, Any]:
    """Return content with every budget given for each kind of device; one that names no device holds for both."""
    budgets = content.get("budgets")
    if not isinstance(budgets, dict):
        return content
    told = {
        name: budget if isinstance(budget, dict) and budget and set(budget) <= set(DEVICES) else dict.fromkeys(DEVICES, budget)
        for name, budget in budgets.items()
    }
    return {**content, "budgets": told}


def _merged(base: Any, content: Any) -> Any:
    """Return content on top of base: mappings key by key, those of content first; all else replaced."""
    if not (isinstance(base, dict) and isinstance(content, dict)):
        return content
    joined = {key: _merged(base[key], value) if key in base else value for key, value in content.items()}
    return {**joined, **{key: value for key, value in base.items() if key not in content}}


def _named(whole: Mapping[str, Any]) -> list[str]:
    """Return the keys whose entries can be left out, as far as they are mappings."""
    return [key for key in ("benchmarks", "runs") if isinstance(whole.get(key), dict)]


def _left_out(whole: Mapping[str, Any]) -> set[str]:
    """Return the benchmarks and runs that a profile leaves out."""
    names = [name for key in _named(whole) for name in whole[key] if isinstance(name, str)]
    gone: set[str] = set()
    patterns = whole.get("leave_out")
    if isinstance(patterns, str):
        raise Slip(("leave_out",), f'is "{patterns}": write a list, as in [{patterns}]')
    for number, pattern in enumerate(patterns if isinstance(patterns, list) else []):
        found = fnmatch.filter(names, str(pattern))
        if not found:
            raise Slip(("leave_out", number), f'is "{pattern}", which is no benchmark and no run: {suggest(pattern, names)}')
        gone |= set(found)
    return gone


def _sentence(slip: Slip, contents: Mapping[str, Any]) -> str:
    """Return what is wrong with the file that holds most of the path, and the path as it stands there."""
    paths = {file: _written(slip.path, content) for file, content in contents.items()}
    # Of equals max takes the first: the profile itself.
    file = max(paths, key=lambda name: len(paths[name]))
    return f'"{file}"{": " if paths[file] else ""}{" ".join(".".join(paths[file]).split())} {slip.problem}'


def _written(path: tuple[Any, ...], content: Any) -> list[str]:
    """Return the steps of a path as far as a file has them; it need not name the device."""
    found = []
    for step in path:
        if (isinstance(content, dict) and step in content) or (isinstance(content, list) and isinstance(step, int) and step < len(content)):
            found.append(str(step))
            content = content[step]
        elif step not in DEVICES:
            break
    return found
