"""The user study that a class can take part in: offline pages for raters, and their answers back into tables.

    make_study("composites", "study", kind="rankings", methods=["composite", "harmonizer"], raters=12, seed=2021)
    merge_answers("study", ["answers-rater-01.json", ...], "results/small/studies/class")

The modules: ``planning`` (who sees what, where and when), ``naming`` (names that tell nothing, the key that does), ``items`` (the folder
of composites), ``versions`` (the pictures), ``rendering`` (a rater's page), ``making`` (all of it), ``answers`` (the files that come back),
``merging`` (the tables of ``userstudy.records``). ``assets`` holds the page: HTML, style and scripts.
"""

from __future__ import annotations

from reproduction.userstudy.pages.making import make_study
from reproduction.userstudy.pages.merging import merge_answers
from reproduction.userstudy.pages.planning import KINDS

__all__ = ["KINDS", "make_study", "merge_answers"]
