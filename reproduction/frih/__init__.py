"""The exhibits of FRIH: what notebook 50 reads (``artefacts``), its tables, submasks and figures, and the claims it tests."""
