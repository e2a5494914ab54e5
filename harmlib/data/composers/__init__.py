"""How one composite is made from one photograph: a file per family of benchmarks, behind ``base.get_composer``."""
