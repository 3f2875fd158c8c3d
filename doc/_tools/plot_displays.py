"""Draw the pictures of doc/displays.md, by the code above each of them.

Wants matplotlib: ``python doc/_tools/plot_displays.py``.
"""

import re
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

PAGE = Path(__file__).resolve().parents[1] / "displays.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n+(?:!\[[^\]]*\]\(([^)]*)\))?", re.M | re.S)


def main() -> None:
    """Run the page and keep the last figure before each picture."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "displays"
    names: dict[str, object] = {}
    for code, picture in BLOCK.findall(PAGE.read_text("utf-8")):
        exec(code, names)
        if picture:
            path = PAGE.parent / picture
            plt.gcf().savefig(path, metadata={"Date": None})
            print(path, path.stat().st_size)
        plt.close("all")


if __name__ == "__main__":
    main()
