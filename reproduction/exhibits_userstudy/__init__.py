"""The exhibits about people: Sg-MMH table 3, Harmonizer table 5 and figure 2, with simulated raters, and people's own answers apart."""
