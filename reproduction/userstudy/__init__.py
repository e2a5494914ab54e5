"""User studies: their files, Bradley-Terry scores with intervals, four-way choices, the filter study, and simulated raters.

    study = read_study(folder)                                          people's answers, or simulated ones, never both
    scores = bootstrap_scores(count_rankings(study.rankings, study.info.methods))
    scores.table                                                        one row per method, with 95 % intervals

The modules: ``records`` (files), ``bradley_terry`` and ``intervals`` (rankings and pairs), ``choices`` (one among several),
``filters`` (Harmonizer Fig. 2), ``agreement`` (between raters), ``simulated`` (raters made from a seed).
"""

from __future__ import annotations

from reproduction.userstudy.bradley_terry import fit
from reproduction.userstudy.comparisons import count_choices, count_pairs, count_rankings
from reproduction.userstudy.intervals import bootstrap_scores
from reproduction.userstudy.records import StudyInfo, StudyRecords, read_study, stamped, write_study

__all__ = [
    "StudyInfo",
    "StudyRecords",
    "bootstrap_scores",
    "count_choices",
    "count_pairs",
    "count_rankings",
    "fit",
    "read_study",
    "stamped",
    "write_study",
]
