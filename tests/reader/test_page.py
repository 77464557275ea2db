"""What a reader gets: every page of the demo run, opened from a disk in a browser without a network."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.published import demo_run, patients, published, records, small_study

pytestmark = pytest.mark.browser

REPORTS = ("relapse-free-survival", "relapse-free-survival-premenopausal", "relapse-free-survival-postmenopausal")
PAGES = [f"{report}.html" for report in REPORTS]
TWO_MEGABYTES = 2_000_000
FIRST_SCREEN = {
    "status": "header.status",
    "title": "h1",
    "grey line": "ul.grey",
    "answer": ".answer",
    "caution": ".caution",
    "K1": "#K1",
    "K2": "#K2",
    "K3": "#K3",
    "plain-language box": "#plain",
    "main figure": ".first-figure img",
    "links": "ul.links",
}
ON_A_PHONE = ("status", "title", "answer", "caution", "K1")

# WCAG 2.2, relative luminance and contrast ratio (1.4.3). Returns what falls short, and how many texts were measured.
CONTRAST = """() => {
  const light = c => { const v = c / 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const parts = text => text.match(/[0-9.]+/g).map(Number);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const c = parts(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
      if (c[3] !== 0) throw new Error("half transparent ground");
    }
    return [255, 255, 255];
  };
  const wrong = []; let measured = 0;
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.getClientRects().length) continue;
    const ink = luminance(parts(getComputedStyle(element).color));
    const [a, b] = [ink, luminance(ground(element))].sort((x, y) => y - x);
    measured += 1;
    if ((a + 0.05) / (b + 0.05) < 4.5) wrong.push(element.outerHTML.slice(0, 80));
  }
  return {wrong, measured};
}"""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a published run of the demo study."""
    return demo_run(tmp_path_factory)


@pytest.fixture(params=PAGES)
def path(request: pytest.FixtureRequest, demo: Path) -> Path:
    return demo / str(request.param)


def places(page: Any) -> dict[str, dict[str, float]]:
    found = {}
    for name, selector in FIRST_SCREEN.items():
        box = page.locator(selector).first.bounding_box()
        assert box is not None, f"the {name} is not shown"
        found[name] = box
    return found


def test_a_page_is_one_small_file_without_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < TWO_MEGABYTES
    assert not re.search(
        r"<script|javascript:|\son\w+\s*=\s*[\"']|<iframe|<object|<embed|@import|url\(", text, re.IGNORECASE
    )


def test_a_page_asks_for_nothing_and_every_figure_is_shown(read: Callable[..., Any], path: Path) -> None:
    reading = read(path)
    page = reading.page
    policy = page.locator('meta[http-equiv="Content-Security-Policy"]').get_attribute("content")
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert page.locator("script").count() == 0
    images = page.locator("img").evaluate_all("all => all.map(i => [i.naturalWidth, i.alt])")
    assert len(images) >= 3  # the main figure on the first screen, the curves again with their table, the hazards
    for width, words in images:
        assert width > 0
        assert re.search(r"\d", words), f"no number in the alternative text: {words!r}"
    assert reading.requests == []
    assert reading.complaints == []


def test_headings_nest_under_one_title(read: Callable[..., Any], path: Path) -> None:
    levels = read(path).page.locator("h1,h2,h3,h4,h5,h6").evaluate_all("all => all.map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in zip(levels, levels[1:], strict=False))


def test_every_link_leads_somewhere_and_every_id_is_there_once(read: Callable[..., Any], path: Path) -> None:
    page = read(path).page
    ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))
    targets = page.locator("a[href]").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    inside = [target[1:] for target in targets if target.startswith("#")]
    assert inside
    assert set(inside) <= set(ids)


@pytest.mark.parametrize(("width", "height"), [(375, 812), (1280, 800)])
def test_nothing_is_wider_than_the_screen(read: Callable[..., Any], path: Path, width: int, height: int) -> None:
    page = read(path, width=width, height=height).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_first_screen_of_a_desktop_answers_everything(read: Callable[..., Any], path: Path) -> None:
    found = places(read(path, width=1280, height=800).page)
    below = {name: box["y"] + box["height"] for name, box in found.items() if box["y"] + box["height"] > 800}
    assert below == {}
    tops = [
        found[name]["y"] for name in ("status", "title", "grey line", "answer", "caution", "K1", "plain-language box")
    ]
    assert tops == sorted(tops)
    assert found["K1"]["y"] == found["K2"]["y"] == found["K3"]["y"]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 1280 for box in found.values())


def test_the_first_screen_of_a_phone_answers_the_question(read: Callable[..., Any], path: Path) -> None:
    found = places(read(path, width=375, height=812).page)
    below = {name: found[name]["y"] + found[name]["height"] for name in ON_A_PHONE}
    assert {name: bottom for name, bottom in below.items() if bottom > 812} == {}


def test_the_keyboard_comes_to_the_skip_link_first_and_it_shows(read: Callable[..., Any], path: Path) -> None:
    page = read(path).page
    focused = (
        "({id: document.activeElement.getAttribute('href'), left: document.activeElement.getBoundingClientRect().left})"
    )
    page.keyboard.press("Tab")
    first = page.evaluate(focused)
    assert first["id"] == "#main"
    assert first["left"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("width", [375, 1280])
def test_text_has_contrast(read: Callable[..., Any], path: Path, width: int) -> None:
    page = read(path, width=width).page
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    found = page.evaluate(CONTRAST)
    assert found["measured"] > 100
    assert found["wrong"] == []


def test_data_behind_a_figure_open_without_code(read: Callable[..., Any], path: Path) -> None:
    page = read(path, java_script_enabled=False).page
    details = page.locator("details").first
    table = details.locator("table").first
    assert not table.is_visible()
    details.locator("summary").click()
    assert table.is_visible()


def test_without_javascript_the_page_is_the_same(read: Callable[..., Any], path: Path) -> None:
    assert (
        read(path, java_script_enabled=False).page.screenshot()
        == read(path, java_script_enabled=True).page.screenshot()
    )


def test_print_says_on_every_page_that_it_must_not_be_forwarded(
    read: Callable[..., Any], path: Path, tmp_path: Path
) -> None:
    page = read(path).page
    page.emulate_media(media="print")
    assert "do not forward" in page.locator("header.status").inner_text()
    foot = page.evaluate("""() => [...document.styleSheets].flatMap(s => [...s.cssRules])
      .filter(r => r.media && r.media.mediaText === "print").map(r => r.cssText).join("\\n")""")
    assert re.search(r"@bottom-center\s*\{[^}]*do not forward", foot)
    assert not page.locator("nav#contents").is_visible()
    assert page.locator(".first-figure img").first.is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'


def test_markup_in_names_and_values_is_text_and_nothing_runs(read: Callable[..., Any], tmp_path: Path) -> None:
    """BAD_INPUTS 52: arm labels, title, endpoint, covariates' names and levels that hold markup."""
    adsl = patients().replace(
        {"TRT01P": {"A": f"A {SCRIPT}", "B": f"B {IMAGE}"}, "REGION": {"east": SCRIPT, "west": IMAGE}}
    )
    asked = {"endpoint": "OS", "treatment": f"A {SCRIPT}", "reference": f"B {IMAGE}", "unit": "months", "tau": 9}
    columns = {"baseline": ["AGE", "REGION"], "covariates": ["AGE"], "subgroups": ["REGION"], "strata": ["REGION"]}
    study = small_study(
        tmp_path / "study",
        adsl=adsl,
        adtte=records(adsl, "OS", PARAM=f"Survival {SCRIPT}"),
        reports=[asked | columns | {"times": [6]}],
        title=f"A study {IMAGE}",
        labels={"REGION": f"Region {IMAGE}", "AGE": f"Age {SCRIPT}"},
    )
    reading = read(published(study, tmp_path / "out") / "os.html")
    page = reading.page
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message) or dialog.dismiss())
    page.reload()
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    page.mouse.move(300, 300)
    assert dialogs == []
    assert reading.requests == []
    assert reading.complaints == []
    assert page.locator("script").count() == 0
    assert page.locator("img:not([src^='data:image/'])").count() == 0
    assert page.locator("[onerror]").count() == 0
    shown = page.locator("body").inner_text()
    for literal in (
        f"A {SCRIPT}",
        f"B {IMAGE}",
        f"Survival {SCRIPT}",
        f"A study {IMAGE}",
        f"Region {IMAGE}",
        f"Age {SCRIPT}",
    ):
        assert literal in shown
    assert page.title().endswith(f"A study {IMAGE}")
