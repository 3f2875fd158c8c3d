"""The normal distribution cut off on one side, for the latent numbers of a probit."""

from __future__ import annotations

import numpy as np
from scipy import special


def truncated_mean(f: np.ndarray) -> np.ndarray:
    """Mean of ``t ~ N(0, 1)`` given ``t > -f``, accurate in both tails."""
    return np.sqrt(2 / np.pi) / special.erfcx(-f / np.sqrt(2))


def truncated_normal(f: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws of ``t ~ N(0, 1)`` given ``t > -f``, by inversion."""
    # In (0, 1]: zero would be infinitely far out.
    u = 1.0 - rng.random(len(f))
    below = u * special.ndtr(f)
    far = f < -30
    t = -special.ndtri(np.where(far, 0.5, below))
    if far.any():
        t[far] = -special.ndtri_exp(special.log_ndtr(f[far]) + np.log(u[far]))
    return t
