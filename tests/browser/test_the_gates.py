"""What the other tests rely on: a breach that is planted is noticed."""

from __future__ import annotations

import pytest

from tests.browser import chromium, conftest
from tests.browser.beholding import faults_of
from tests.browser.conftest import PHONE, Visit
from tests.browser.person import Person
from tests.practice.fixture import wait_until


def noticed(person: Person, word: str) -> None:
    """Wait until a fault with this word is there, and forget all: it was planted."""

    def there() -> bool:
        person.page.wait_for_timeout(20)
        return any(word in fault for fault in person.faults)

    wait_until(there)
    person.faults.clear()


def test_the_policy_is_in_force_and_a_breach_is_noticed(visit: Visit) -> None:
    person = visit()
    person.open("/")
    person.page.evaluate("document.body.setAttribute('style', 'color: red')")
    noticed(person, "content policy: style-src")
    person.page.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'alert(1)';"
        " document.body.append(one); }"
    )
    noticed(person, "content policy: script-src")


def test_errors_of_scripts_answers_and_requests_are_noticed(visit: Visit) -> None:
    person = visit()
    person.open("/")
    person.page.evaluate("setTimeout(() => { throw new Error('planted') })")
    noticed(person, "script: planted")
    person.page.evaluate("console.warn('planted')")
    noticed(person, "console: warning: planted")
    person.open("/no/such/page")
    noticed(person, "console: error")
    person.page.route("**/away", lambda route: route.abort("connectionfailed"))
    person.page.evaluate("fetch('/away').catch(() => {})")
    noticed(person, "request: ")


def test_a_page_that_is_too_wide_or_cannot_be_read_is_noticed(visit: Visit) -> None:
    person = visit(viewport=PHONE)
    person.open("/signup")
    assert faults_of(person, phone=True) == []
    person.page.evaluate("document.querySelector('main').append(document.createElement('h1'))")
    person.page.evaluate("document.querySelector('#email').labels[0].remove()")
    person.page.evaluate("document.querySelector('main').style.width = '600px'")
    person.page.evaluate(
        "document.querySelector('button.primary').style.cssText = 'height: 9px; min-height: 0'"
    )
    faults = " ".join(faults_of(person, phone=True))
    for planted in ("2 h1", "px wide in 390 px", "label: ", "too small to touch"):
        assert planted in faults


@pytest.mark.parametrize(("ci", "outcome"), [(None, pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_without_a_browser_it_is_said_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, ci: str | None, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("TIDINGS_CHROMIUM", "/nowhere/chromium")
    monkeypatch.delenv("CI", raising=False)
    if ci:
        monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="apt-get install chromium"):
        conftest.found_browser()
    assert chromium.path() is None
