"""All targets of the fuzz job by name."""

from __future__ import annotations

from benchmarks.fuzz.common import Target
from benchmarks.fuzz.networks import NETWORKS
from benchmarks.fuzz.pictures import PICTURES
from benchmarks.fuzz.records import RECORDS
from benchmarks.fuzz.tables import TABLES

TARGETS: dict[str, Target] = {**PICTURES, **RECORDS, **TABLES, **NETWORKS}
