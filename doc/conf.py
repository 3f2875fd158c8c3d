"""Sphinx's settings: `make docs` lays the pages out and builds them with these."""

import os
import re
import sys
import warnings
from pathlib import Path

import sklearn_sagemaker

ROOT = Path(sklearn_sagemaker.__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "doc" / "_tools"))

project = "sklearn_sagemaker"
author = "The sklearn_sagemaker developers"
copyright = f"2026, {author}"
release = version = sklearn_sagemaker.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
]
root_doc = "index"
templates_path = ["_templates"]
exclude_patterns = ["files", "_examples", "_templates", "auto_examples/**/*.ipynb"]
nitpicky = False  # NumPy's and scikit-learn's names have no pages here

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # numpydoc's types say more
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_sagemaker"
html_favicon = "images/program.png"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "sklearn_sagemaker"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "getting_started": []}

os.environ.setdefault("OMP_NUM_THREADS", "1")
sphinx_gallery_conf = {
    "examples_dirs": "_examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "within_subsection_order": "ExampleTitleSortKey",
    "download_all_examples": True,
    "default_thumb_file": str(ROOT / "doc" / "images" / "program.png"),
    "show_memory": False,
    "min_reported_time": 0,
    "remove_config_comments": True,
    "plot_gallery": os.environ.get("SITE_WITHOUT_EXAMPLES") is None,
}
warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")

# Members that scikit-learn's base classes make have scikit-learn's own documentation.
_SKLEARN = re.compile(r"get_metadata_routing|set_\w+_request|set_callbacks")

_REFERENCE = re.compile(r":ref:`([^`<]*?)\s*(?:<[^`]*>)?`")


def skip_member(app, what, name, member, skip, options):
    """Leave out what is documented by scikit-learn."""
    return True if _SKLEARN.fullmatch(name) else skip


def drop_labels(app, what, name, obj, options, lines):
    """Keep the text of references to scikit-learn's user guide."""
    lines[:] = [_REFERENCE.sub(r"\1", line) for line in lines]


def setup(app):
    """Connect what is above."""
    app.connect("autodoc-process-docstring", drop_labels)
    app.connect("autodoc-skip-member", skip_member)
