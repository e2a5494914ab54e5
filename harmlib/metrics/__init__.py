"""Scores of one picture against another: pure functions, LPIPS, and the protocols of the field.

Import the parts by name: ``functional`` (torch), ``lpips``, ``scoring`` (torch, OpenCV), ``protocols`` (nothing heavy).
"""
