"""The site as it was built, in a browser on a phone and on a desk."""

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from tests.site.browser import FOUND, Browser

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site"
NAME = "LinearLearnerClassifier"
API = f"api/sklearn_sagemaker.{NAME}.html"
PAGES = [
    "index.html",
    "getting_started.html",
    "hyperparameters.html",
    "emulator.html",
    "performance.html",
    "coming_from_sdk_v2.html",
    "auto_examples/index.html",
    "auto_examples/plot_digit_zero.html",
    "reference.html",
    API,
    "decisions/index.html",
]

pytestmark = pytest.mark.skipif(
    not (SITE / "index.html").exists(), reason="the site is not built: make docs"
)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    handler = partial(Quiet, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if FOUND is None:
        pytest.skip("there is no Chromium on this machine")
    with Browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


# Texts that stick out of the window to the right, and are in nothing that scrolls; a
# parent that hides what overflows would hide it from `scrollWidth`.
OVERFLOW = """
(() => {
  const width = document.documentElement.clientWidth
  const scrolls = (element) => !element.matches("article, footer, body") && (
    ["auto", "scroll"].includes(getComputedStyle(element).overflowX)
    && element.scrollWidth > element.clientWidth || scrolls(element.parentElement))
  const found = document.scrollingElement.scrollWidth > width ? ["the page"] : []
  for (const article of document.querySelectorAll("article, footer")) {
    const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT)
    const range = document.createRange()
    while (texts.nextNode()) {
      const node = texts.currentNode
      range.selectNode(node)
      const visible = node.parentElement.checkVisibility() && node.data.trim()
      if (visible && range.getBoundingClientRect().right > width + 1
          && !scrolls(node.parentElement))
        found.push(node.data.trim())
    }
  }
  return found
})()
"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_shown(page, width, browser, address):
    browser.width(width)
    browser.open(f"{address}/{page}")
    assert browser.complaints() == []
    assert browser.value(OVERFLOW) == []
    assert browser.value("document.querySelector('h1').offsetHeight") > 0


def test_the_search_finds_an_estimator_and_lands_on_it(browser, address):
    browser.width(1280)
    browser.open(f"{address}/search.html?q={NAME}")
    link = "document.querySelector('#search-results li a')"
    browser.until(f"{link} !== null")
    browser.value(f"{link}.click()")
    browser.until(
        f"location.pathname === '/{API}' && document.readyState !== 'loading'"
    )
    assert NAME in browser.value("document.querySelector('h1').innerText")
    assert browser.complaints() == []


def links(page):
    text = page.read_text("utf-8")
    text = re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)
    return re.findall(r'(?:href|src)="([^"]*)"', text)


def test_every_link_inside_leads_somewhere():
    names, wrong = {}, []

    def anchors(path):
        if path not in names:
            names[path] = set(re.findall(r'id="([^"]+)"', path.read_text("utf-8")))
        return names[path]

    pages = [page for page in SITE.rglob("*.html") if "_static" not in page.parts]
    for page in pages:
        for link in links(page):
            if re.match(r"[a-z]+:|#$|//", link) or not link:
                continue
            path, anchor = urldefrag(unquote(link).partition("?")[0])
            target = (page.parent / path).resolve() if path else page
            if target.is_dir():
                target /= "index.html"
            is_page = target.suffix == ".html"
            there = target.exists() and not (
                anchor and is_page and anchor not in anchors(target)
            )
            if not there:
                wrong.append((page.name, link))
    assert wrong == []


def test_every_example_was_executed_and_has_a_notebook():
    gallery, found = SITE / "auto_examples", []
    for example in sorted((ROOT / "examples").glob("*.py")):
        text = (gallery / f"{example.stem}.html").read_text("utf-8")
        run = re.search(r"Total running time of the script:</strong> \((.*?)\)", text)
        minutes, seconds = re.fullmatch(
            r"(\d+) minutes ([\d.]+) seconds", run[1]
        ).groups()
        assert int(minutes) * 60 + float(seconds) > 0, example
        assert f"{example.stem}.ipynb" in text, example
        found.append(example)
    assert len(found) == len(list(gallery.glob("*.html"))) - 2  # index, times
