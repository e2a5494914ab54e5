"""Layers and losses that two or more methods share."""
