"""Policy files: what is read, what is refused and where, and that nothing is lost on the way (spec 3.6, J5, J6)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.kernel.conditions import Condition
from watchfloor.kernel.terms import (
    AutoTerms,
    ClassTerms,
    EnvelopeTerms,
    Factor,
    ParameterLimit,
    Policy,
    RateTerms,
)
from watchfloor.policy.document import dump, from_plain, load
from watchfloor.policy.faults import Fault, PolicyInvalid
from watchfloor.policy.yaml_text import DEPTH_MAX, TEXT_CHARS_MAX, VALUES_MAX, ambiguous, read

BENCH = Path(__file__).resolve().parents[3] / "benchmarks" / "bench.yaml"
RICH = """
# A shop's policy.
name: shop
classes:
  read: {base: 7}            # laid over the default: the rate stays light
  refund:
    base: 55
    rate: heavy
types:
  refund.issue: refund
  payment.send: null         # taken away: unknown from now on
  "on": read
factors:
  - name: large
    when:
      - {field: amount, op: gt, value: 100000}
      - {field: currency, op: in, value: [eur, usd]}
    points: 20
    level_min: 3
envelope:
  allowed_hosts: [example.com]
  parameter_limits:
    - {name: amount, field: amount, value_max: 5000000}
auto: {medium_allowed: true}
"""


def faults_of(text: str) -> list[Fault]:
    with pytest.raises(PolicyInvalid) as caught:
        load(text)
    return list(caught.value.faults)


def test_a_file_says_only_what_differs_from_the_defaults() -> None:
    policy = load(RICH)
    assert policy.classes["read"] == ClassTerms(base=7, rate="light", idempotent=True)
    assert policy.classes["refund"] == ClassTerms(base=55, rate="heavy")
    assert policy.types["refund.issue"] == "refund"
    assert policy.types["file.read"] == "read"
    assert policy.types["on"] == "read"
    assert "payment.send" not in policy.types
    assert policy.factors == (
        Factor(
            name="large",
            when=(
                Condition(field="amount", op="gt", value=100_000),
                Condition(field="currency", op="in", value=("eur", "usd")),
            ),
            points=20,
            level_min=3,
        ),
    )
    assert policy.envelope.parameter_limits == (
        ParameterLimit(name="amount", field="amount", value_max=5_000_000),
    )
    assert policy.envelope.forbidden_paths == EnvelopeTerms().forbidden_paths
    assert policy.auto == AutoTerms(medium_allowed=True)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}", "null"])
def test_an_empty_file_is_the_default_policy(text: str) -> None:
    assert load(text) == Policy()


def test_json_is_read_as_well() -> None:
    assert load('{"rates": {"light": 200}, "name": "j\\u00e4"}') == Policy(
        name="jä", rates=RateTerms(light=200)
    )


@pytest.mark.parametrize(
    ("text", "path", "line", "what"),
    [
        ("name: x\nlevls: {low: 1}", "/levls", 2, "did you mean levels?"),
        ("colour: red", "/colour", 1, "there is no such field"),
        ("rates:\n  light: 1.5", "/rates/light", 2, "decimal integers"),
        ("rates:\n  light: 0x10", "/rates/light", 2, "decimal integers"),
        ("rates:\n  light: 010", "/rates/light", 2, "decimal integers"),
        ("rates:\n  light: 1_000", "/rates/light", 2, "decimal integers"),
        ("rates:\n  light: 1:30", "/rates/light", 2, "decimal integers"),
        ("rates:\n  light: .NaN", "/rates/light", 2, "decimal integers"),
        ("rates:\n  light: 1e3", "/rates/light", 2, "decimal integers"),
        ("rates:\n  light: 9007199254740992", "/rates/light", 2, "2^53"),
        ("rates:\n  light: '60'", "/rates/light", 2, "Expected int, got str"),
        ("rates:\n  light: true", "/rates/light", 2, "Expected int, got bool"),
        ("auto:\n  medium_allowed: yes", "/auto/medium_allowed", 2, "quote the text 'yes'"),
        ("auto:\n  medium_allowed: True", "/auto/medium_allowed", 2, "quote the text 'True'"),
        ("auto:\n  medium_allowed: 1", "/auto/medium_allowed", 2, "Expected bool"),
        ("rates:\n  light: 1\n  light: 2", "/rates/light", 3, "is there twice"),
        ("rates: &r {light: 1}", "/rates", 1, "no anchors"),
        ("rates: *r", "/rates", 1, "no aliases"),
        ("rates:\n  <<: {light: 1}", "/rates", 2, "no merge keys"),
        ("rates: !!python/object/apply:os.system ['true']", "/rates", 1, "no tags"),
        ("name: !!str x", "/name", 1, "no tags"),
        ("? {a: 1}\n: 2", "/", 1, "names of members are texts"),
        ("a: 1\n---\nb: 2", "/", 2, "one document"),
        ("- 1", "/", 1, "a mapping of sections"),
        ("just words", "/", 1, "a mapping of sections"),
        ("rates: [1, 2", "/", 1, "not YAML"),
        ("name: \x07", "/", 0, "not YAML: unreadable"),
        ("rates: 5", "/rates", 1, "a mapping"),
        ("types: [a]", "/types", 1, "a mapping"),
        ("factors: {a: 1}", "/factors", 1, "a list"),
        ("factors:\n  - {name: a, points: 1}", "/factors/0/when", 2, "is missing"),
        (
            "factors:\n  - {name: a, points: 1, when: [{field: x, op: gt, value: [1]}]}",
            "/factors/0/when/0/value",
            2,
            "",
        ),
        ("types:\n  a/b~c: nowhere", "/types/a~1b~0c", 2, "is not a class"),
        ("auto:\n  score_min: 5000", "/auto/score_min", 2, "between 0 and 1000"),
        ("types: {file.read: null}\nclasses: {read: null}", "/types/repository.read", 0, "is not a class"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, path: str, line: int, what: str) -> None:
    fault = next((fault for fault in faults_of(text) if fault.path == path), None)
    assert fault is not None, faults_of(text)
    assert what in fault.what
    assert fault.line == line or not line


def test_every_fault_is_reported_at_once() -> None:
    faults = faults_of("rates: {light: a, heavy: b}\nfoo: 1\nlevels: {low: x}")
    assert {fault.path for fault in faults} == {"/rates/light", "/rates/heavy", "/foo", "/levels/low"}
    assert str(PolicyInvalid(tuple(faults))).count(";") == 3
    assert str(PolicyInvalid((Fault("/a", "b"),))) == "/a: b"


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)
    ]
    assert faults_of("\n".join(lines))[0].what.startswith("no anchors")


def test_size_depth_and_number_of_values_are_bounded() -> None:
    assert "characters" in faults_of("#" * (TEXT_CHARS_MAX + 1))[0].what
    assert "deeper" in faults_of("a: " + "[" * (DEPTH_MAX + 1))[0].what
    assert "deeper" in faults_of("a: " + "{b: " * 50_000)[0].what
    assert "values" in faults_of("a: [" + "1," * VALUES_MAX + "1]")[0].what
    assert read("a: " + "[" * (DEPTH_MAX - 1) + "]" * (DEPTH_MAX - 1))[0] is not None


def test_texts_are_composed_and_quoted_words_stay_texts() -> None:
    data, lines = read(
        'a: e\u0301\nb: "yes"\nc: \'010\'\nd: ~\ne:\nf: |\n  two\n  lines\n"1": -5\ng: [[x], {h: 0}]\n'
    )
    assert data == {
        "a": "é", "b": "yes", "c": "010", "d": None, "e": None, "f": "two\nlines\n", "1": -5, "g": [["x"], {"h": 0}],
    }  # fmt: skip
    assert lines["/g/1/h"] == 10
    assert lines["/1"] == 9


def test_null_gives_a_section_its_defaults() -> None:
    assert load("rates: null\nlevels: {low: null}") == Policy()
    assert from_plain(None) == Policy()


def test_the_default_policy_survives_being_written_and_read() -> None:
    assert load(dump(Policy())) == Policy()
    assert dump(Policy()).startswith("name: ")


def test_a_policy_without_default_members_survives_too() -> None:
    policy = load(RICH)
    assert "payment.send: null" in dump(policy)
    assert load(dump(policy)) == policy


NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8).map(str.lower)
POLICIES = st.builds(
    Policy,
    name=st.text(min_size=1, max_size=20).filter(str.isprintable),
    types=st.dictionaries(NAMES, st.sampled_from(["read", "write", "unknown"]), max_size=5),
    tools=st.dictionaries(NAMES, st.sampled_from(["read", "write"]), max_size=3),
    factors=st.lists(
        st.builds(
            Factor,
            name=st.sampled_from(["a", "b_1"]),
            when=st.lists(
                st.builds(Condition, field=NAMES.map(lambda name: name.replace(".", "_")), op=st.just("eq"),
                          value=st.one_of(st.integers(-5, 5), st.booleans(), st.text(max_size=5))),
                min_size=1, max_size=2,
            ).map(tuple),
            points=st.integers(0, 100),
        ),
        max_size=2,
        unique_by=lambda factor: factor.name,
    ).map(tuple),
    envelope=st.builds(EnvelopeTerms, forbidden_types=st.lists(st.text(max_size=6), max_size=3).map(tuple)),
)  # fmt: skip


def test_a_tool_may_be_called_like_a_merge_key() -> None:
    policy = Policy(tools={"<<": "read"})
    assert load(dump(policy)) == policy


@given(POLICIES)
def test_any_sound_policy_survives_being_written_and_read(policy: Policy) -> None:
    try:
        sound = from_plain(
            msgspec.to_builtins(policy) | {"types": dict.fromkeys(Policy().types) | policy.types}
        )
    except PolicyInvalid:
        return  # text that is not NFC, and the like
    assert sound == policy
    assert load(dump(policy)) == policy


@given(st.text(alphabet="ab:{}[]&*!-?|>'\"#, \n\t0.1~", max_size=60))
def test_no_text_does_anything_but_read_or_be_refused(text: str) -> None:
    try:
        assert isinstance(load(text), Policy)
    except PolicyInvalid:
        return


def test_words_that_readers_disagree_about_are_known() -> None:
    assert all(
        ambiguous(word) for word in ("", "on", "No", "~", "1", "1.5", "0o7", "1_0", ".inf", "-.5", "12:30")
    )
    assert not any(ambiguous(word) for word in ("read", "a1", "file.read", "1a", "-", "onwards"))


def test_the_bench_policy_differs_only_where_it_says_so() -> None:
    """Benchmarks may change rate classes, the runaway window and the repeat count, nothing else."""
    default, bench = (
        msgspec.to_builtins(Policy()),
        msgspec.to_builtins(load(BENCH.read_text(encoding="utf-8"))),
    )
    assert {key for key in default if default[key] != bench[key]} == {"name", "rates", "runaway"}
    changed = {key for key in default["runaway"] if default["runaway"][key] != bench["runaway"][key]}
    assert changed == {"requests_per_second", "executed_per_10s", "same_digest_per_60s"}
