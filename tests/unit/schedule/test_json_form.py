"""The JSON form: strict, complete, and with the number of the directive in its errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from treec.errors import ScheduleError
from treec.schedule import json_form
from treec.schedule.schedule import Schedule

TEXT = "layout packed\nsplit row into=(block, row) by=64\nwalk with=scalar\n"
PLAIN: dict[str, Any] = {
    "version": 1,
    "directives": [
        {
            "directive": "layout",
            "kind": "packed",
            "predicates": "inline",
            "align": 4,
            "threshold": "auto",
            "feature": "auto",
            "child": "auto",
        },
        {"directive": "split", "loop": "row", "into": ["block", "row"], "by": 64},
        {
            "directive": "walk",
            "with": "scalar",
            "interleave": "none",
            "peel": 0,
            "unroll": "none",
            "leaf": "auto",
            "word": 0,
            "trees": 0,
            "multiplex": "auto",
            "lookup": "auto",
            "slice": 0,
        },
    ],
}


def test_json_has_the_names_of_the_text_and_every_argument() -> None:
    schedule = Schedule.from_text(TEXT)
    assert json_form.to_plain(schedule) == PLAIN
    assert json.loads(schedule.to_json()) == PLAIN
    assert Schedule.from_json(json.dumps(PLAIN)) == schedule


def test_arguments_with_defaults_may_be_left_out() -> None:
    text = (
        '{"version": 1, "directives": [{"directive": "layout", "kind": "packed"}, {"directive": "walk", "with": "scalar"}]}'
    )
    assert Schedule.from_json(text) == Schedule.from_text("layout packed\nwalk with=scalar")


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('{"version": 1,\n "directives": [}', "s.json:2:17", "not JSON"),
        ("", "s.json:1:1", "not JSON"),
        ("[" * 100_000, "s.json", "not a schedule in JSON"),
        ('{"version": ' + "9" * 5000 + ', "directives": []}', "s.json", "not a schedule in JSON"),
        ('{"version": 1, "version": 1, "directives": []}', "s.json", "the key `version` stands twice"),
        ("[]", "s.json", "a schedule in JSON is an object, not `()`"),
        ("{}", "s.json", "the keys `version` and `directives`, not none"),
        ('{"version": 2, "directives": []}', "s.json", "version `2` of the JSON form is not known"),
        ('{"version": true, "directives": []}', "s.json", "version `True` of the JSON form is not known"),
        ('{"version": 1, "directives": [], "x": 1}', "s.json", "not `version`, `directives`, `x`"),
        ('{"version": 1, "directives": {}}', "s.json", "`directives` must be a list"),
        ('{"version": 1, "directives": [3]}', "s.json: directive 1", "a directive in JSON is an object, not `3`"),
        ('{"version": 1, "directives": []}', "s.json", "the schedule has no `walk`"),
    ],
)
def test_other_json_is_refused(text: str, place: str, reason: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_json(text, "s.json")
    assert caught.value.place == place
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("directive", "reason", "fix"),
    [
        ({"loop": "row"}, "a directive needs the key `directive`", "the directives are target cpu"),
        ({"directive": "splt"}, "unknown directive `splt`", "did you mean `split`?"),
        ({"directive": ["split"]}, "unknown directive `(split)`", "did you mean `split`?"),
        ({"directive": "parallel"}, "`parallel` needs `loop`", "write `parallel LOOP`"),
        ({"directive": "parallel", "loop": "row", "lop": 1}, "has no argument `lop`", "did you mean `loop`?"),
        ({"directive": "parallel", "loop": 3}, "`loop` must be a loop name, not `3`", "letters"),
        ({"directive": "parallel", "loop": "a b"}, "`loop` must be a loop name, not `a b`", "letters"),
        ({"directive": "parallel", "loop": "row\n"}, "not `'row\\n'`", "letters"),
        ({"directive": "order", "loops": "row, tree"}, "must be one or more loop names", "write `order LOOP"),
        ({"directive": "order", "loops": []}, "must be one or more loop names, not 0", "write `order LOOP"),
        ({"directive": "split", "loop": "row", "into": ["a", "b"], "by": 64.0}, "not `64.0`", "by=N"),
        ({"directive": "split", "loop": "row", "into": ["a", "b"], "by": "64"}, "not `64`", "by=N"),
        ({"directive": "split", "loop": "row", "into": ["a", "b"], "by": True}, "not `True`", "by=N"),
        ({"directive": "split", "loop": "row", "into": None, "by": 64}, "not `None`", "(OUTER, INNER)"),
    ],
)
def test_a_bad_directive_is_named_by_its_number(directive: dict[str, Any], reason: str, fix: str) -> None:
    text = json.dumps({"version": 1, "directives": [PLAIN["directives"][0], directive]})
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_json(text, "s.json")
    assert caught.value.place == "s.json: directive 2"
    assert reason in caught.value.message
    assert fix in (caught.value.fix or "")
