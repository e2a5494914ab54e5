"""The exhibits of all systems that the papers compare with, measured alike."""
