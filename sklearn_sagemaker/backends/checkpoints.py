"""A folder of checkpoints: what a training that was cut off goes on from.

A checkpoint is a file ``epoch-NNNNNN.zip`` of plain values, which appears whole or not
at all. The last two are kept: a copy of the folder may catch the last half-written.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker.backends.checkpoint_places import place_of
from sklearn_sagemaker.exceptions import (
    CheckpointError,
    CheckpointWarning,
    StoredStateError,
    TrainingStoppedError,
)

KEPT = 2
_NAME = re.compile(r"epoch-(\d{6,})\.zip")


class Checkpoints:
    """The checkpoints of one training.

    Parameters
    ----------
    folder : str or path-like
        Or an address; see `Place`.
    every : float
        Seconds from one checkpoint to the next, at the end of an epoch; 0 writes one
        after each.
    problem : callable
        Returns digests of the parts of the problem, by what messages call them. Rows
        are read for them, so it is called when there is a checkpoint to read or write.
    platform : dict of str to str
        What results may depend on in their last bits.
    stop : callable or None
        A true answer at the end of an epoch asks for a checkpoint, and an end.
    defaults : dict of str to str
        Digests of parts that the checkpoints of an earlier version may lack.

    Raises
    ------
    CheckpointError
        If the folder has checkpoints of another problem, or none that can be read.
    OSError
        If the folder cannot be made.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: float,
        problem: Callable[[], dict[str, str]],
        platform: dict[str, str],
        stop: Callable[[], Any] | None = None,
        defaults: dict[str, str] | None = None,
    ):
        self.folder, self.every, self.stop = place_of(folder), every, stop
        self._problem, self._platform = problem, platform
        self._defaults = defaults or {}
        self._failed = False
        self._state = self._find()
        self._last = time.monotonic()

    # -------------------------------------------------------------------- reading
    def restore(self) -> dict[str, Any] | None:
        """The state to go on from; None if there is none, or it was taken already."""
        state, self._state = self._state, None
        return state

    def _found(self) -> list[tuple[int, str]]:
        """Number and file of each checkpoint, the newest first."""
        matches = [(_NAME.fullmatch(name), name) for name in self.folder.names()]
        return sorted(
            ((int(match[1]), name) for match, name in matches if match), reverse=True
        )

    def _find(self) -> dict[str, Any] | None:
        found, faults = self._found(), []
        for _, name in found:
            path = self.folder.path(name)
            try:
                values = self.folder.read(name)
                problem, platform = values["problem"], values["platform"]
                state = values["state"]
            except (StoredStateError, FileNotFoundError) as error:
                # Another fit may have removed it just now.
                faults.append(str(error))
                continue
            except KeyError as error:
                faults.append(f"{path}: has no {error}.")
                continue
            self._compare(problem)
            self._announce(path, platform, faults)
            return state
        if found:
            raise CheckpointError(
                f"{self.folder} has no checkpoint that can be read ({faults[0]}); "
                "remove the folder to start anew, or name another one."
            )
        return None

    def _compare(self, problem: Any) -> None:
        mine, theirs = self._problem(), problem if isinstance(problem, dict) else {}
        theirs = {**self._defaults, **theirs}
        mine = {**self._defaults, **mine}
        differ = [
            name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)
        ]
        if not differ:
            return
        remedy = ""
        if "seed" in differ:
            remedy = " Set random_state to a number, so that the same fit has one seed."
        raise CheckpointError(
            f"{self.folder} has checkpoints of another training: it differs in "
            f"{', '.join(differ[:6])}. Name another folder for this one, or remove "
            f"that.{remedy}"
        )

    def _announce(self, path: str, platform: Any, faults: list[str]) -> None:
        """Say that a training goes on, and whether that may change bits."""
        theirs = platform if isinstance(platform, dict) else {}
        differ = [
            f"{name} {theirs.get(name)} then, {value} now"
            for name, value in self._platform.items()
            if theirs.get(name) != value
        ]
        text = f"The training goes on from {path}"
        if faults:
            text += f", since the one after it cannot be read ({faults[0]})"
        if differ:
            text += (
                f", which was written elsewhere ({'; '.join(differ)}): its last bits "
                "may differ from those of a training that was not cut off."
            )
        else:
            text += ", to the same bits as without a stop."
        warn_user(text, CheckpointWarning)

    # -------------------------------------------------------------------- writing
    def epoch_ends(self, number: int, state: Callable[[], dict[str, Any]]) -> None:
        """Write a checkpoint if it is time.

        Parameters
        ----------
        number : int
            Epochs done.
        state : callable
            Returns the state of the training, in plain values.

        Raises
        ------
        TrainingStoppedError
            If a stop was asked for; the checkpoint is written.
        """
        stop = self.stop is not None and self.stop()
        if not stop and time.monotonic() - self._last < self.every:
            return
        values = {
            "problem": self._problem(),
            "platform": self._platform,
            "state": state(),
        }
        written = self._write(number, values)
        self._last = time.monotonic()
        if stop:
            place = f"the same fit goes on from {self.folder}"
            raise TrainingStoppedError(
                f"The training was asked to stop after epoch {number}; "
                + (place if written else "no checkpoint could be written.")
            )

    def _write(self, number: int, values: dict[str, Any]) -> bool:
        try:
            self.folder.write(f"epoch-{number:06d}.zip", values)
            for older, name in self._found()[KEPT:]:
                if older < number:
                    with suppress(OSError):
                        self.folder.remove(name)
        except OSError as error:
            # The fit matters more; one warning tells enough.
            if not self._failed:
                warn_user(
                    f"No checkpoint could be written in {self.folder} "
                    f"({error.strerror or error}); the training goes on without, and "
                    "tries again later.",
                    CheckpointWarning,
                )
            self._failed = True
            return False
        self._failed = False
        return True
