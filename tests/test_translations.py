"""Every sentence that people see exists in Chinese, with the same blanks to fill in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
CHINESE = ROOT / "webapp" / "translations" / "zh" / "LC_MESSAGES" / "messages.po"
METHODS = [("webapp/**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
KEYWORDS = {
    "_": None, "gettext": None, "lazy_gettext": None, "_l": None,
    "ngettext": (1, 2), "lazy_ngettext": (1, 2), "_n": (1, 2),
}  # fmt: skip
NOT_OURS = {".venv", "instance", "tests", "static", ".git"}
BLANK = re.compile(r"%\((\w+)\)[sd]")
# Words that a template may show outside gettext: the product's own name, and what is the same everywhere.
SAME_EVERYWHERE = {"Tidings", "English", "中文", "SMS", "UTC", "CSV", "uid", "pwd"}


def said_in_the_program() -> dict[str | tuple[str, ...], str]:
    """Each sentence and where it stands."""
    found: dict[str | tuple[str, ...], str] = {}
    for name, line, message, _comments, _context in extract_from_dir(
        str(ROOT), method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS,
        directory_filter=lambda folder: Path(folder).name not in NOT_OURS,
    ):  # fmt: skip
        found.setdefault(message, f"{name}:{line}")
    return found


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with CHINESE.open("rb") as file:
        return read_po(file, locale="zh", abort_invalid=True)


def strings(message: Message) -> list[str]:
    """The translation, or one for each plural form."""
    return [message.string] if isinstance(message.string, str) else list(message.string or [""])


def originals(message: Message) -> list[str]:
    """The sentence, or the singular and the plural."""
    return [message.id] if isinstance(message.id, str) else list(message.id)


def test_nothing_is_untranslated(chinese: Catalog) -> None:
    missing = {}
    for said, place in said_in_the_program().items():
        key = said[0] if isinstance(said, tuple) else said
        message = chinese.get(key)
        if message is None or message.fuzzy or not all(strings(message)):
            missing[place] = said
    assert missing == {}


def test_a_translation_has_the_same_blanks(chinese: Catalog) -> None:
    wrong = [
        (message.id, message.string)
        for message in chinese
        if message.id
        for string in strings(message)
        # Chinese has one form, for which either the singular's or the plural's blanks are right.
        if set(BLANK.findall(string)) not in [set(BLANK.findall(said)) for said in originals(message)]
    ]
    assert wrong == []


def test_nothing_stands_in_the_catalogue_that_nobody_says(chinese: Catalog) -> None:
    said = {key[0] if isinstance(key, tuple) else key for key in said_in_the_program()}
    kept = {
        message.id[0] if isinstance(message.id, tuple) else message.id for message in chinese if message.id
    }
    assert kept - said == set()


# The kit page is for those who build pages, and shows sample words.
PAGES = [path for path in sorted((ROOT / "templates").rglob("*.html")) if path.parent.name != "kit"]


@pytest.mark.parametrize("path", PAGES, ids=[f"{path.parent.name}/{path.name}" for path in PAGES])
def test_a_template_shows_no_words_of_its_own(path: Path) -> None:
    """Text between tags, outside {{ }} and {% %}, would be English for everybody."""
    text = path.read_text()
    for noise in (r"{#.*?#}", r"{%.*?%}", r"{{.*?}}", r"<code[^>]*>.*?</code>", r"<!--.*?-->"):
        text = re.sub(noise, "", text, flags=re.S)
    shown = re.sub(r"<[^>]*>", "\n", text, flags=re.S)
    # A macro may hand out attributes alone.
    shown = re.sub(r'[\w-]+="[^"]*"', "", shown)
    words = set(re.findall(r"[A-Za-z\u4e00-\u9fff]{2,}", shown))
    assert words - SAME_EVERYWHERE == set()
    attributes = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"{}]*[A-Za-z]{2}[^"{}]*)"', text)
    assert attributes == []
