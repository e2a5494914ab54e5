"""Tables, figures, verdicts and the scoreboard: what every notebook shows, drawn one way.

Import the parts by name: ``style`` and ``grids`` (matplotlib), ``tables``, ``verdicts`` and ``scoreboard`` (pandas).
"""
