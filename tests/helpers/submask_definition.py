"""FRIH's submasks by their definition, over all pairs of pixels (docs/methods/frih.md): slow and plain."""

from __future__ import annotations

import numpy as np

# docs/methods/frih.md; 0.2 and 0.4 are the cases in which binary arithmetic could count a distance of exactly d_c.
CUTOFFS = {0.01: 6, 0.05: 162, 0.1: 650, 0.2: 2600, 0.3: 5852, 0.4: 10403}
K_MAX, MIN_DENSITY = 10, 10


def packed(colors: np.ndarray) -> np.ndarray:
    """Return r << 16 | g << 8 | b."""
    return colors.astype(np.int64) @ (1 << 16, 1 << 8, 1)


def defined(pixels: np.ndarray, d_c: float) -> dict[str, np.ndarray]:
    """Return labels and decision graph of pixels (N, 3), one entry a pixel, in the golden file's fields."""
    colors, codes = pixels.astype(np.int64), packed(pixels)
    squared = [((colors - color) ** 2).sum(axis=1) for color in colors]
    rho = np.array([(row <= CUTOFFS[d_c]).sum() for row in squared])
    rank = np.unique(np.stack([-rho, codes]), axis=1, return_inverse=True)[1]
    parent, delta2 = np.full(len(rho), -1), np.array([row.max() for row in squared])
    for i, row in enumerate(squared):
        denser = np.flatnonzero(rank < rank[i])
        if len(denser):
            parent[i] = min(denser, key=lambda j: (row[j], rank[j]))
            delta2[i] = row[parent[i]]
    firsts = np.unique(rank, return_index=True)[1]
    candidates = sorted(firsts, key=lambda i: (-delta2[i], rank[i]))[:K_MAX]
    centers = sorted([rank[i] for i in candidates if rho[i] > MIN_DENSITY]) or [0]
    labels = np.full(len(rho), -1)
    for i in np.argsort(rank, kind="stable"):
        labels[i] = centers.index(rank[i]) if rank[i] in centers else labels[parent[i]]
    return {"labels": labels + 1, "rho": rho, "delta2": delta2, "parent_packed": np.where(parent < 0, -1, codes[parent])}
