"""What is public stays as it is: `public_api.txt` has each name with its arguments.

After a change that is meant: ``python -m tests.test_public_api`` writes it anew.
"""

import importlib
import inspect
import re
from pathlib import Path

LISTED = Path(__file__).with_name("public_api.txt")
PAGE = Path(__file__).parents[1] / "doc" / "reference.rst"
MADE = re.compile(r"set_\w+_request")
PLAIN = (str, int, float, bool, type(None), tuple)
MODULES = (
    "",
    ".backends",
    ".exceptions",
    ".inspection",
    ".io",
    ".recommendations",
    ".sagemaker",
    ".testing",
)


def signature(value):
    """Arguments as they are written, without types, and defaults that are plain."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return "(...)"
    empty = inspect.Parameter.empty
    arguments = [
        one.replace(
            annotation=empty,
            # Others, such as the environment, are no text that stays the same.
            default=one.default if isinstance(one.default, (*PLAIN, type)) else ...,
        )
        for one in found.parameters.values()
    ]
    text = str(found.replace(parameters=arguments, return_annotation=empty))
    return text.replace("Ellipsis", "...")


def members(cls):
    """Public members that are ours, not those of scikit-learn's or Python's bases."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("sklearn_sagemaker"):
            found |= {name: None for name in vars(base) if not name.startswith("_")}
    # The latter are made by scikit-learn, and say what it says.
    for name in sorted(name for name in found if not MADE.fullmatch(name)):
        value = inspect.getattr_static(cls, name)
        if isinstance(value, property) or not callable(getattr(cls, name, None)):
            yield f"    {name}"
        else:
            yield f"    {name}{signature(getattr(cls, name))}"


def lines():
    for ending in MODULES:
        module = importlib.import_module(f"sklearn_sagemaker{ending}")
        yield f"\n{module.__name__}"
        for name in sorted(module.__all__):
            value = getattr(module, name)
            if inspect.isclass(value) and issubclass(value, BaseException):
                bases = ", ".join(base.__name__ for base in value.__bases__)
                yield f"  {name} < {bases}"
            elif inspect.isclass(value):
                yield f"  {name}{signature(value)}"
                yield from members(value)
            elif callable(value):
                yield f"  {name}{signature(value)}"
            else:
                yield f"  {name}"


def listing():
    return "\n".join(lines()).strip() + "\n"


def test_nothing_public_changes_unseen():
    assert LISTED.read_text("utf-8") == listing(), (
        "The public API has changed: if that is meant, and doc/promises.md allows it, "
        "run python -m tests.test_public_api and say it in CHANGELOG.md."
    )


def test_the_reference_has_every_public_name():
    text = PAGE.read_text("utf-8")
    for ending in MODULES:
        module = importlib.import_module(f"sklearn_sagemaker{ending}")
        for name in module.__all__:
            if not inspect.ismodule(getattr(module, name)) and name != "__version__":
                assert f" {name}\n" in text or f"{name}``" in text, name


if __name__ == "__main__":
    LISTED.write_text(listing(), encoding="utf-8")
