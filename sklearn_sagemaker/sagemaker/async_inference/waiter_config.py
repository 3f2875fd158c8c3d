"""How long to wait for an answer that comes later."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class WaiterConfig:
    """How long to wait for an answer.

    Attributes
    ----------
    max_attempts : int
        How often to look.
    delay : float
        Seconds between two looks.
    """

    max_attempts: int = 60
    delay: float = 15
