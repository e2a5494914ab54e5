"""The exhibits of Harmonizer: tables 1 to 4 and figures 1 and 3 to 9."""
