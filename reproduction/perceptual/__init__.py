"""The exhibits of the no-reference paper: tables 1 to 3 and figures 1 to 10."""
