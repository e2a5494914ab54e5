"""The exhibits of FRIH: what notebooks 50 and 51 read (``artefacts``), its tables, submasks and figures, and the claims it tests."""
