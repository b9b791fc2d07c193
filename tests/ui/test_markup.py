"""The checker itself: it must notice each breach, or the tests that use it prove nothing."""

from __future__ import annotations

import pytest
from html5lib.html5parser import ParseError

from tests.ui.markup import faults

PAGE = (
    '<!doctype html><html lang="en"><head><title>t</title></head>'
    "<body><main><h1>t</h1>{}</main></body></html>"
)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('<p style="color:red">x</p>', "style= on <p>"),
        ("<script>alert(1)</script>", "<script> in the page"),
        ('<p onclick="x()">x</p>', "onclick= on <p>"),
        ('<p hx-on:click="x()">x</p>', "hx-on:click= on <p>"),
        ("<button>x</button>", "<button> without a type: x"),
        ('<input name="a">', "<input name=a> has 0 labels"),
        (
            '<label for="a">x</label><label for="a">y</label><input id="a" name="a">',
            "<input name=a> has 2 labels",
        ),
        ('<p id="a">x</p><p id="a">y</p>', "the id a stands 2 times"),
        ('<p aria-describedby="a">x</p>', "aria-describedby of <p> names a, which is not there"),
        ("<h1>x</h1>", "2 h1 in the page"),
    ],
)
def test_a_breach_is_named(inside: str, expected: str) -> None:
    assert faults(PAGE.format(inside)) == [expected]


def test_a_good_page_has_no_faults() -> None:
    assert faults(PAGE.format('<label>x <input name="a"></label><button type="button">x</button>')) == []


@pytest.mark.parametrize("inside", ["<p><div>x</div></p>", "<table><p>x</p></table>", "<p>x</p"])
def test_broken_html_does_not_parse(inside: str) -> None:
    with pytest.raises(ParseError):
        faults(PAGE.format(inside))
