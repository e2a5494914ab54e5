"""Files as other programs leave them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

# As a browser tool wrote it: the text of a Python literal in place of the TIFF header.
MALFORMED = b"Exif\\0\\0b'Exif\\x00\\x00II*".replace(b"\\0", b"\0")


def write_malformed_exif(path: Path, picture: np.ndarray) -> Path:
    """Write a JPEG that every viewer opens and whose EXIF block is none."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=95)
    content = stream.getvalue()
    path.write_bytes(content[:2] + b"\xff\xe1" + (len(MALFORMED) + 2).to_bytes(2, "big") + MALFORMED + content[2:])
    return path
