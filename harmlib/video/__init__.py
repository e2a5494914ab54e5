"""Videos frame by frame: read, write, compose, harmonize, and measure how much they flicker.

Frames are uint8 RGB (H, W, 3), mattes and masks uint8 (H, W), 255 = foreground, fractions allowed. Everything is an iterator that
holds one frame of each video, so that length costs time but no memory.
"""

from __future__ import annotations

from harmlib.extras import needs

with needs("video"):
    from harmlib.video.averaging import ArgumentAverage
    from harmlib.video.composing import compose, compose_video
    from harmlib.video.harmonizing import FrameHarmonizer, HarmonizedFrame, harmonize_video
    from harmlib.video.reading import VideoInfo, read_frames, read_info, read_timed_frames
    from harmlib.video.stability import flicker, foreground_lab, temporal_change
    from harmlib.video.writing import write_video, writing

__all__ = [
    "ArgumentAverage",
    "FrameHarmonizer",
    "HarmonizedFrame",
    "VideoInfo",
    "compose",
    "compose_video",
    "flicker",
    "foreground_lab",
    "harmonize_video",
    "read_frames",
    "read_info",
    "read_timed_frames",
    "temporal_change",
    "write_video",
    "writing",
]
