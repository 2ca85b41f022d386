"""The page in a real browser: it loads, shows its pictures, asks for nothing, runs nothing foreign."""

from __future__ import annotations

import base64
import json
import shutil
import struct
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from xmmpy.report import write_page

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element in the WebDriver standard


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser:
    """A headless browser, driven as the WebDriver standard says."""

    def __init__(self, address: str, profile: Path) -> None:
        arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage",
            f"--user-data-dir={profile}", "--window-size=1280,1000",
        ]  # fmt: skip
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments, "perfLoggingPrefs": {"enableNetwork": True}},
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }
        self._address = address
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"/session/{session['sessionId']}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._address + path, data, {"Content-Type": "application/json"}, method=method
        )
        with _DIRECT.open(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, page: Path) -> None:
        self.log("performance")
        self.log("browser")
        self._call("POST", f"{self._session}/url", {"url": page.as_uri()})

    def run(self, script: str) -> Any:
        return self._call("POST", f"{self._session}/execute/sync", {"script": script, "args": []})

    def log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self._call("POST", f"{self._session}/se/log", {"type": kind})
        return entries

    def click(self, selector: str) -> None:
        found = self._call("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        self._call("POST", f"{self._session}/element/{found[ELEMENT]}/click", {})

    def resize(self, width: int, height: int) -> None:
        self._call("POST", f"{self._session}/window/rect", {"width": width, "height": height})

    def screenshot(self) -> bytes:
        return base64.b64decode(self._call("GET", f"{self._session}/screenshot"))

    def close(self) -> None:
        self._call("DELETE", self._session)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    driver = shutil.which("chromedriver")
    if driver is None or not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        pytest.skip("no chromium with chromedriver: install them to look at the page in a browser")
    process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        port = next(
            line.rsplit(" ", 1)[1].strip().rstrip(".") for line in process.stdout if "successfully on port" in line
        )
        running = Browser(f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("profile"))
        try:
            yield running
        finally:
            running.close()
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, make_work: Callable[..., object]) -> Path:
    work = tmp_path_factory.mktemp("page") / "w"
    make_work(work, target=HOSTILE, reason=HOSTILE)
    return write_page(work)


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.resize(1280, 1000)
    browser.open(page)
    return browser


def test_it_asks_for_nothing_and_complains_of_nothing(opened: Browser, page: Path) -> None:
    messages = [json.loads(entry["message"])["message"] for entry in opened.log("performance")]
    requests = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    # The tab that the browser began with may still be loading; it belongs to documents of the browser's own.
    asked = {r["request"]["url"] for r in requests if not r["documentURL"].startswith(("chrome:", "chrome-untrusted:"))}
    assert page.as_uri() in asked
    assert not {url for url in asked if url != page.as_uri() and not url.startswith("data:")}
    assert opened.log("browser") == []


def test_pictures_have_a_size_and_words(opened: Browser) -> None:
    sizes = opened.run(
        "return [...document.images].map(i => [i.complete, i.naturalWidth, i.clientWidth, i.alt.length])"
    )
    assert len(sizes) == 19
    assert all(complete and natural > 20 and shown > 50 and words > 10 for complete, natural, shown, words in sizes)
    lines = opened.run(
        "return [...document.querySelectorAll('.curve .line')].map(p => p.getBoundingClientRect().width)"
    )
    assert len(lines) == 3
    assert min(lines) > 500


def test_headings_lead_through_the_page(opened: Browser) -> None:
    levels = opened.run("return [...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert opened.run("return [...document.querySelectorAll('table')].every(t => t.caption.textContent.length > 10)")
    targets = opened.run("return [...document.querySelectorAll('nav a')].map(a => !!document.querySelector(a.hash))")
    assert len(targets) == 7
    assert all(targets)


def test_text_from_headers_stays_text(opened: Browser) -> None:
    assert opened.run("return document.title").startswith("<script>")
    assert opened.run("return document.querySelector('h1').textContent") == HOSTILE
    assert opened.run("return document.scripts.length") == 1


def test_an_injected_script_would_not_run(opened: Browser) -> None:
    opened.run("const s = document.createElement('script');s.textContent = 'window.owned = 1';document.body.append(s)")
    assert opened.run("return window.owned === undefined")


def test_images_can_be_enlarged_and_lines_copied(opened: Browser) -> None:
    before = opened.run("return document.querySelector('.bands img').clientWidth")
    opened.click(".bands .enlarge")
    assert opened.run("return document.querySelector('.bands img').clientWidth") > 2 * before
    assert opened.run("return document.querySelector('.bands .enlarge').ariaExpanded") == "true"
    opened.click("button.copy")
    assert opened.run("return document.getElementById('lines').innerText").startswith(
        "# mos1_S001/emproc\nxmmpy task emproc"
    )


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_window(opened: Browser, width: int) -> None:
    opened.resize(width, 800)
    wide = opened.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1]
    shot = opened.screenshot()
    assert struct.unpack(">II", shot[16:24])[1] > 300


@pytest.fixture(scope="module")
def sources_page(
    tmp_path_factory: pytest.TempPathFactory, make_work: Callable[..., Any], add_sources: Callable[..., object]
) -> Path:
    work = tmp_path_factory.mktemp("sources") / "w"
    add_sources(work, make_work(work))
    return write_page(work)


@pytest.fixture
def sources(browser: Browser, sources_page: Path) -> Browser:
    browser.resize(1280, 1000)
    browser.open(sources_page)
    return browser


def chosen(browser: Browser) -> dict[str, list[str]]:
    """Numbers of the marked rows, circles and points."""
    kinds = {"rows": "tbody tr", "circles": "circle", "points": ".point"}
    script = "return [...document.querySelectorAll('{}.chosen')].map(e => e.dataset.source)"
    return {name: browser.run(script.format(selector)) for name, selector in kinds.items()}


def test_clicked_row_is_seen_on_the_mosaic(sources: Browser, sources_page: Path) -> None:
    assert sources.run("return document.querySelectorAll('table.sources tbody tr').length") == 6
    sources.click("tr[data-source='3'] .pick")
    assert chosen(sources) == {"rows": ["3"], "circles": ["3"], "points": ["3"]}
    assert sources.run("return document.querySelector('tr[data-source=\"3\"] .pick').ariaPressed") == "true"
    # The cut of the mosaic has the source in its middle.
    offset = sources.run(
        "const f = document.querySelector('.finder .frame').getBoundingClientRect(),"
        " i = document.querySelector('.finder img').getBoundingClientRect(),"
        " r = document.querySelector('tr[data-source=\"3\"]').dataset;"
        "return [i.left + r.x / 1000 * i.width - f.left - f.width / 2,"
        " i.top + r.y / 1000 * i.height - f.top - f.height / 2, i.width / f.width]"
    )
    assert offset == pytest.approx([0, 0, 5], abs=0.6)
    assert sources.log("browser") == []


def test_clicked_circle_is_seen_in_the_table(sources: Browser) -> None:
    sources.run("document.querySelector('#mosaic').scrollIntoView()")
    sources.run(
        "document.querySelector('circle[data-source=\"5\"]').dispatchEvent(new Event('click', {bubbles: true}))"
    )
    assert chosen(sources)["rows"] == ["5"]
    box = sources.run("const b = document.querySelector('tr.chosen').getBoundingClientRect(); return [b.top, b.bottom]")
    assert 0 <= box[0] < box[1] <= 1000


def test_table_is_sorted_by_its_heads(sources: Browser) -> None:
    column = "[...document.querySelectorAll('table.sources tbody tr')].map(r => +r.cells[8].dataset.v)"
    sources.click("thead button[data-sort='8']")  # flux: the brightest first
    fluxes = sources.run(f"return {column}")
    assert fluxes == sorted(fluxes, reverse=True)
    assert sources.run("return document.querySelector('th[aria-sort]').ariaSort") == "descending"
    sources.click("thead button[data-sort='8']")
    assert sources.run(f"return {column}") == fluxes[::-1]
    sources.click("thead button[data-sort='1']")
    names = sources.run("return [...document.querySelectorAll('table.sources tbody th')].map(r => r.textContent)")
    assert names == sorted(names)


@pytest.mark.parametrize("width", [360, 1280])
def test_sources_fit_the_window(sources: Browser, width: int) -> None:
    sources.resize(width, 800)
    wide = sources.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1]


def test_page_with_sources_asks_for_nothing(sources: Browser, sources_page: Path) -> None:
    messages = [json.loads(entry["message"])["message"] for entry in sources.log("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert not {url for url in asked if url != sources_page.as_uri() and not url.startswith("data:")}
    levels = sources.run("return [...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert all(below - above <= 1 for above, below in pairwise(levels))
