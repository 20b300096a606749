"""Pages cannot be made to say what nobody wrote (spec 9 I1, I2, I6)."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.http import html
from watchfloor.http.html import tag


class Seen(HTMLParser):
    """What a browser would make of a page: elements, their attributes, and text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_text_stays_text_whatever_it_holds(value: str) -> None:
    seen = Seen(tag("p", value))
    assert set(seen.tags) <= {"p", "span"}
    assert seen.tags.count("span") == sum(html.plain(letter) != letter for letter in value)


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd", "Po", "Sm", "Sc"])))
def test_ordinary_text_is_shown_as_it_is(value: str) -> None:
    assert Seen(tag("p", value)).text == value


@given(st.text())
def test_attributes_cannot_be_left(value: str) -> None:
    seen = Seen(tag("input", value=value))
    assert seen.tags == ["input"]
    assert [name for name, _ in seen.attributes] == ["value"]


@pytest.mark.parametrize(
    ("letter", "code"),
    [
        ("\u202e", "U+202E"),
        ("\u2066", "U+2066"),
        ("\u200b", "U+200B"),
        ("\x00", "U+0000"),
        ("\x1b", "U+001B"),
        ("\ufeff", "U+FEFF"),
        ("\u00ad", "U+00AD"),
        ("\U000e0041", "U+E0041"),
        ("\u3164", "U+3164"),
    ],
)
def test_invisible_and_turning_characters_are_shown(letter: str, code: str) -> None:
    assert f">{code}</span>" in tag("p", f"a{letter}b")
    assert letter not in tag("p", letter, title=letter)
    assert html.plain(letter) == f"⟨{code}⟩"


def test_long_runs_of_nothing_are_named_instead_of_pushing_text_out_of_sight() -> None:
    assert html.folded("a" + "\n" * 10_000 + "b") == "a\n⟨9999 empty lines⟩\nb"
    assert html.folded("a" + " " * 5_000 + "b") == "a ⟨5000 spaces⟩ b"
    assert html.folded("a\n\nb") == "a\n\nb"
    assert html.folded("a\r\nb") == "a\nb"


def test_text_is_capped_and_says_how_much_is_missing() -> None:
    shown = html.foreign("x" * 1_000, 10)
    assert "990 more characters" in shown
    assert shown.startswith("<bdi>")


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "//evil.example",
        "https://evil.example",
        "/\\evil",
        "data:text/html,x",
        " /x",
        "/a b",
        "\t/x",
    ],
)
def test_links_leave_the_house_neither_openly_nor_in_disguise(target: str) -> None:
    with pytest.raises(ValueError, match="not a local path"):
        tag("a", "x", href=target)


@pytest.mark.parametrize("name", ["onclick", "style", "x y", 'a"b'])
def test_attributes_that_run_code_do_not_exist_here(name: str) -> None:
    with pytest.raises(ValueError, match="not an attribute"):
        tag("p", **{name: "x"})


def test_an_element_has_a_proper_name() -> None:
    with pytest.raises(ValueError, match="not an element"):
        tag("p><script")


def test_children_may_be_nested_numbers_safe_parts_or_nothing() -> None:
    assert tag("p", 1, None, False, True, [tag("b", "x"), ["<y>"]]) == "<p>1<b>x</b>&lt;y&gt;</p>"
    assert tag("br") == "<br>"
    assert tag("input", required=True, hidden=False, value=None) == "<input required>"
    assert html.join(["a", tag("i", "b")]) == "a<i>b</i>"


@pytest.mark.parametrize(
    ("text", "mixed"),
    [
        ("paypal.com", False),
        ("p\u0430ypal.com", True),
        ("Привет", False),
        ("Grüße", False),
        ("\u03b1lpha", True),
    ],
)
def test_words_of_two_alphabets_are_recognised(text: str, mixed: bool) -> None:
    assert html.mixed_alphabets(text) is mixed
