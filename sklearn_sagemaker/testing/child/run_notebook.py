"""Executes the code cells of a notebook; run by the interpreter whose packages it has.

Usage: python run_notebook.py NOTEBOOK REPORT GO_ON LONGEST_SLEEP

A notebook is JSON, so IPython, for the magics, is all that is asked for. REPORT gets a
line of JSON for each cell.
"""

import json
import sys
import time
import traceback

EXPECTED_TO_FAIL = "raises-exception"
"""Tag of a cell, as Jupyter has it."""


def cells(path):
    """Number, source and tags of each code cell; numbers count code cells, from 1."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    found = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(found, 1):
        tags = cell.get("metadata", {}).get("tags", [])
        yield number, "".join(cell["source"]), tags


def make_shell():
    """IPython without a terminal, a history file or the user's settings."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """There is none; ``%matplotlib inline`` asks."""

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return Shell.instance(config=config)


def wait_at_most(seconds):
    """Shorten the waits of clients between two looks at a job."""
    sleep = time.sleep
    time.sleep = lambda asked: sleep(min(asked, seconds))


def main(notebook, report, go_on, longest_sleep):
    """Run the cells; those after one that fails only if asked to go on."""
    shell = make_shell()
    if longest_sleep != "":
        wait_at_most(float(longest_sleep))
    with open(report, "w", encoding="utf-8", buffering=1) as file:
        for number, source, tags in cells(notebook):
            started = time.monotonic()
            result = shell.run_cell(source, store_history=True)
            error = result.error_before_exec or result.error_in_exec
            said = error and traceback.format_exception_only(error)[-1].splitlines()[0]
            seconds = time.monotonic() - started
            failed = bool(error) and EXPECTED_TO_FAIL not in tags
            line = {"cell": number, "seconds": seconds, "error": failed and said}
            print(json.dumps(line), file=file)
            if failed and not go_on:
                return


if __name__ == "__main__":
    sys.path[0] = ""
    main(*sys.argv[1:])
