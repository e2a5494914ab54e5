"""The exhibits of Sg-MMH: what notebook 40 reads (``artefacts``), its tables, pictures and figures, and the claims it tests."""
