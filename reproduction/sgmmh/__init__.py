"""The exhibits of Sg-MMH: what notebooks 40 and 41 read (``artefacts``), its tables, pictures and figures, and the claims it tests."""
