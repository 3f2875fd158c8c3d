"""Results that take long, kept in a JSON file if one is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class JsonCache:
    """Results by name, in a file or nowhere.

    Parameters
    ----------
    path : Path or None
        File to read and to add to; None keeps nothing.
    """

    def __init__(self, path: Path | None):
        self.path = path

    def get(self, key: str, compute: Callable[[], Any]) -> Any:
        """The stored result, or a new one, which is then stored."""
        known = self._read()
        if key not in known:
            found = compute()
            if self.path is None:
                return found
            # Read anew: another process may have added to it meanwhile.
            known = {**self._read(), key: found}
            self.path.write_text(json.dumps(known, indent=1))
        return known[key]

    def _read(self) -> dict[str, Any]:
        if self.path is None or not self.path.exists():
            return {}
        return json.loads(self.path.read_text())
