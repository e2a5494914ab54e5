"""Photographs, benchmarks made from them, and what a training loop reads."""
