"""The change of imports that the page for users of SDK v2 has."""

import subprocess
from pathlib import Path

PAGE = Path(__file__).parents[2] / "doc" / "coming_from_sdk_v2.md"


def changed(text: str) -> str:
    """A program or a notebook as sed makes it by the page's lines."""
    lines = PAGE.read_text("utf-8").split("<<'END'\n")[1].split("END\n")[0]
    done = subprocess.run(
        ["sed", "-E", lines], input=text, capture_output=True, text=True, check=True
    )
    return done.stdout
