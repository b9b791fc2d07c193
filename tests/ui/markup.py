"""What every page of the product keeps to, found in its text by a strict HTML5 parser.

`faults(html)` names each breach; other tests may use it for their own pages.
"""

from __future__ import annotations

from collections import Counter
from xml.etree.ElementTree import Element

import html5lib

NO_LABEL_NEEDED = frozenset({"hidden", "submit", "button", "image", "reset"})
REFERENCES = ("aria-describedby", "aria-labelledby", "aria-controls")


def faults(html: str, *, fragment: bool = False) -> list[str]:
    """Every breach in a page, or in a fragment of one; a page that is not valid HTML5 raises ParseError."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root = parser.parseFragment(html) if fragment else parser.parse(html)
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    found = [*_inline(elements), *_buttons(elements), *_labels(elements), *_ids(elements)]
    if not fragment:
        found += _document(elements)
    return found


def _inline(elements: list[Element]) -> list[str]:
    """The content policy forbids styles and scripts in the page itself."""
    found = []
    for element in elements:
        if element.tag == "style" or (element.tag == "script" and not element.get("src")):
            found.append(f"<{element.tag}> in the page")
        for name in element.keys():  # noqa: SIM118 # an Element does not iterate over its attributes
            if name == "style" or name.startswith(("on", "hx-on")):
                found.append(f"{name}= on <{element.tag}>")
            if name == "hx-ext" or (element.get(name) or "").startswith("js:"):
                found.append(f"{name}= needs what the policy forbids")
    return found


def _buttons(elements: list[Element]) -> list[str]:
    return [
        f"<button> without a type: {_text(element)}"
        for element in elements
        if element.tag == "button" and element.get("type") not in ("submit", "button", "reset")
    ]


def _labels(elements: list[Element]) -> list[str]:
    """Every control has exactly one label: a <label for>, one around it, or an aria-label."""
    targets = Counter(element.get("for") for element in elements if element.tag == "label")
    wrapped = {
        id(inner)
        for label in elements
        if label.tag == "label" and not label.get("for")
        for inner in label.iter()
        if inner is not label
    }
    found = []
    for element in elements:
        if element.tag not in ("input", "select", "textarea") or element.get("type") in NO_LABEL_NEEDED:
            continue
        count = targets[element.get("id")] if element.get("id") else 0
        count += (id(element) in wrapped) + bool(element.get("aria-label") or element.get("aria-labelledby"))
        if count != 1:
            found.append(f"<{element.tag} name={element.get('name')}> has {count} labels")
    return found


def _ids(elements: list[Element]) -> list[str]:
    ids = Counter(element.get("id") for element in elements if element.get("id") is not None)
    found = [f"the id {name} stands {count} times" for name, count in ids.items() if count > 1]
    for element in elements:
        for reference in REFERENCES:
            found += [
                f"{reference} of <{element.tag}> names {name}, which is not there"
                for name in (element.get(reference) or "").split()
                if name not in ids
            ]
    return found


def _document(elements: list[Element]) -> list[str]:
    found = []
    headings = sum(element.tag == "h1" for element in elements)
    if headings != 1:
        found.append(f"{headings} h1 in the page")
    if not any(element.tag == "main" for element in elements):
        found.append("no main")
    if not elements[0].get("lang"):
        found.append("no language")
    return found


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())
