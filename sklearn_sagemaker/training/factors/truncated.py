"""The normal distribution cut off on one side, for the latent numbers of a probit."""

from __future__ import annotations

import numpy as np
from scipy import special


def truncated_mean(f: np.ndarray) -> np.ndarray:
    """Mean of ``t ~ N(0, 1)`` given ``t > -f``, accurate in both tails."""
    return np.sqrt(2 / np.pi) / special.erfcx(-f / np.sqrt(2))


def truncated_normal(f: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Draws of ``t ~ N(0, 1)`` given ``t > -f``, by inversion.

    Parameters
    ----------
    f : float64 array of shape (n,)
    u : float64 array of shape (n,)
        Uniform in (0, 1]: zero would be infinitely far out.
    """
    below = u * special.ndtr(f)
    far = f < -30
    t = -special.ndtri(np.where(far, 0.5, below))
    if far.any():
        t[far] = -special.ndtri_exp(special.log_ndtr(f[far]) + np.log(u[far]))
    return t


def latent_numbers(
    f: np.ndarray, y: np.ndarray, weights: np.ndarray, u: np.ndarray | None
) -> np.ndarray:
    """Numbers on the label's side of zero, as far from scores as noise of 1 takes them.

    Parameters
    ----------
    f : float64 array of shape (n,)
        Scores.
    y : float64 array of shape (n,)
        0.0 or 1.0.
    weights : float64 array of shape (n,)
    u : float64 array of shape (n,) or None
        Uniform in (0, 1], for the mean of as many draws as the weight says, to two
        moments; None is the mean of all.

    Returns
    -------
    numbers : float64 array of shape (n,)
    """
    sign = 2.0 * y - 1.0
    mean = f + sign * truncated_mean(sign * f)
    if u is not None:
        drawn = f + sign * truncated_normal(sign * f, u)
        mean += (drawn - mean) / np.sqrt(weights)
    return mean
