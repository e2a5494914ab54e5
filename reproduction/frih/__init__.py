"""The exhibits of FRIH: what notebook 50 reads (``study``), its tables, submasks and figures, and the claims it tests."""
