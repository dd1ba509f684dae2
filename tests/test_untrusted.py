"""Strict JSON, and messages that are one safe line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.untrusted import DEEPEST, MOST_JSON, MOST_MESSAGE, json_kind, one_line, parse_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_what_json_says_is_read(value):
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaN", "NaN is no JSON"),
        ("[-Infinity]", "-Infinity is no JSON"),
        ('{"a": 1e999}', "too large"),
        ("[[-1e400]]", "too large"),
        ("9" * 5000, "4300"),
        ('{"a": 1, "a": 1}', "stands twice"),
        ('[{"b": {"a": 1, "c": 2, "a": 3}}]', "stands twice"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), f"more than {DEEPEST} deep"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, f"more than {DEEPEST} deep"),
        (" " * (MOST_JSON + 1), f"at most {MOST_JSON}"),
        ("", "Expecting value"),
        ("[1] 2", "Extra data"),
        ("[1,]", "column"),
    ],
)
def test_what_is_no_json_or_means_harm_is_refused(text, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_json(text)
    assert len(str(error.value)) < 300


def test_the_deepest_that_is_read():
    assert parse_json("[" * DEEPEST + "]" * DEEPEST)


@given(st.text(max_size=3 * MOST_MESSAGE))
def test_a_message_is_one_line_that_a_terminal_only_shows(text):
    line = one_line(ValueError(text))
    assert line.isprintable()
    assert line
    assert len(line) <= MOST_MESSAGE + 3


def test_a_message_keeps_what_it_says():
    assert one_line("lr:  found 'ü',\n wanted 1") == "lr: found 'ü', wanted 1"
    assert one_line("\x1b[2Jgone\ud800\u202e") == r"\x1b[2Jgone\ud800\u202e"
    assert one_line(KeyError()) == "KeyError"
    assert one_line("a" * 5000) == "a" * MOST_MESSAGE + "..."


def test_a_value_is_called_what_json_calls_it():
    kinds = [json_kind(parse_json(text)) for text in ("null", "true", "1", "0.5", '"a"', "[]", "{}")]
    assert kinds == ["null", "boolean", "number", "number", "string", "array", "object"]
