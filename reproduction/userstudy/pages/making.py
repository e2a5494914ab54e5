"""Making a study: ``python -m reproduction study make``.

OUT/pages/rater-01.html, ...    one page per rater; the folder is handed out
OUT/pages/images/               the pictures, under names that tell nothing (a filter study's are inside its pages)
OUT/pages/study.json            what is asked; written last
OUT/key.json                    which picture is which; never handed out
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harmlib.errors import ParameterError
from harmlib.inference.pictures import check_harmonizer
from harmlib.io.files import remove_partial, write_json, write_text
from harmlib.models import resolve
from harmlib.seeds import item_generator
from reproduction.userstudy.pages.items import Item, read_items
from reproduction.userstudy.pages.naming import PAGES, Key, make_key, write_key
from reproduction.userstudy.pages.planning import CATCH_TRIALS, COMPOSITE, Design, plan_study
from reproduction.userstudy.pages.rendering import PICTURES, QUESTIONS, render_page
from reproduction.userstudy.pages.versions import EXACT, PHOTOS, make_versions, weights_fingerprint

logger = logging.getLogger(__name__)

RATERS = 12
SEED = 2021


def make_study(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    kind: str = "rankings",
    methods: Sequence[str] = (),
    raters: int = RATERS,
    seed: int = SEED,
    trials: int | None = None,
    catch_trials: int | None = None,
    weights: Mapping[str, str | os.PathLike[str]] | None = None,
) -> None:
    """Harmonize the composites of a folder (``items`` says how it is laid out) and write one page per rater below ``out``.

    kind: rankings, pairs, choices, or filters (Harmonizer's filter study, without methods). methods: names, "composite" among them if
    wanted. trials: per rater; None: every item once, of pairs all up to 60. catch_trials: per rater; None: 2, of filters 1.
    weights: method -> its run or weights file; the others take the released ones, or need none.
    Pictures that exist are not made again; the same arguments make the same bytes.
    Raises HarmlibError for what cannot be used, DataError when ``out`` holds another study.
    """
    target, items = Path(out), {item.name: item for item in read_items(folder)}
    weights = dict(weights or {})
    _check_methods(kind, methods, weights)
    catch_items = _choose_catch_items(list(items.values()), kind, catch_trials, seed)
    design = Design(kind, tuple(items), tuple(methods), raters, seed, trials, catch_items)
    plan = plan_study(design)
    models = {name: resolve(name, weights.get(name)) for name in (methods or [COMPOSITE])}
    for model in models.values():
        check_harmonizer(model)
    settings: dict[str, Any] = {"kind": kind, "question": QUESTIONS[kind], "methods": list(methods), "raters": raters, "seed": seed}
    settings |= {"trials": trials, "catch_items": list(catch_items)}
    settings |= {"items": {name: item.fingerprint() for name, item in items.items()}}
    settings |= {"weights": {name: weights_fingerprint(model) for name, model in models.items()}}
    settings |= {"scenarios": {name: item.scenario for name, item in items.items()}}
    encoding, pictures = (EXACT, target / PICTURES) if kind == "filters" else (PHOTOS, target / PAGES / PICTURES)
    key = make_key(settings, plan, encoding.suffix)
    write_key(target, key)
    remove_partial(target)
    make_versions(key, items, models, pictures, encoding)
    _write_pages(key, items, target, pictures)


def _check_methods(kind: str, methods: Sequence[str], weights: Mapping[str, object]) -> None:
    """Raise ParameterError for methods that are named twice, or where none is compared, and for weights of a method that is not."""
    if kind == "filters" and methods:
        raise ParameterError("a filter study compares no methods: leave them out")
    twice = next((name for name in methods if list(methods).count(name) > 1), None)
    if twice:
        raise ParameterError(f'the method "{twice}" is named twice: raters would compare it with itself')
    unasked = next((name for name in weights if name not in methods), None)
    if unasked:
        raise ParameterError(f'weights are given for "{unasked}", which the study does not compare: name it among the methods')


def _choose_catch_items(items: list[Item], kind: str, wanted: int | None, seed: int) -> tuple[str, ...]:
    """Return the items of the catch trials, from the half with the larger foregrounds: a spoiled one must be seen."""
    large = sorted(items, key=lambda item: -item.share)[: max(1, len(items) // 2)]
    count = min(CATCH_TRIALS.get(kind, 0), len(large)) if wanted is None else wanted
    if not 0 <= count <= len(large):
        raise ParameterError(f"catch_trials is {count}: choose from 0 to {len(large)}, half the number of composites")
    chosen = item_generator(seed, "catch items").permutation(len(large))[:count]
    return tuple(large[index].name for index in chosen)


def _write_pages(key: Key, items: dict[str, Item], out: Path, pictures: Path) -> None:
    """Write every rater's page, and what is asked."""
    pages = out / PAGES
    for rater in key.trials:
        write_text(pages / f"{rater}.html", render_page(key, rater, items, pictures))
    kind, count = key.settings["kind"], len(next(iter(key.trials.values())))
    about = {"study": key.study, "kind": kind, "question": QUESTIONS[kind], "raters": list(key.trials), "trials": count}
    write_json(pages / "study.json", about)
    logger.info('"%s": %d pages of %d screens; hand out this folder, keep "%s"', pages, len(key.trials), count, out / "key.json")
