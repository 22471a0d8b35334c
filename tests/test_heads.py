"""What places the issues of an answer, and their texts, whatever some of them look like."""

from __future__ import annotations

import pytest

from tap_jira import heads
from tap_jira.heads import Answer, Head

PLAIN = b'{"id":"1","fields":{"updated":"U","created":"C"}}'
PLACED = Head("1", "U", "C", is_cut=False)


@pytest.mark.parametrize(
    ("odd", "head"),
    [
        (b'{"id":"2"}', Head("2", None, None, is_cut=False)),
        (b'{"id":"2","fields":{"updated":"U","comment":"text"}}', Head("2", "U", None, is_cut=True)),
        (b'{"id":"2","fields":{"updated":"U"},"changelog":[]}', Head("2", "U", None, is_cut=True)),
        (b'{"id":"2","fields":5}', Head("2", None, None, is_cut=True)),
        (b'{"id":"2","fields":{"updated":"U","n":NaN}}', Head("2", "U", None, is_cut=False)),
        (b'{"id":"2","fields":{"updated":"U","text":"\xff"}}', Head("2", "U", None, is_cut=False)),
        (b'{"id":"2","fields":{"updated":"U","text":"\\ud800"}}', Head("2", "U", None, is_cut=False)),
        (b"null", Head(None, None, None, is_cut=False)),
        (b"[[]]", Head(None, None, None, is_cut=False)),
    ],
)
def test_an_odd_issue_beside_others(odd: bytes, head: Head) -> None:
    """Of an issue in a shape that none should have there is as much as it tells, and those beside it are as ever."""
    body = b'{"total":3,"issues":[%b,%b,%b],"isLast":true}' % (PLAIN, odd, PLAIN)
    texts = list(map(bytes, heads.texts(body)))

    assert heads.answer(body) == Answer([PLACED, head, PLACED], total=3, isLast=True)
    assert (len(texts), texts[0], texts[2]) == (3, PLAIN, PLAIN)


@pytest.mark.parametrize("body", [b"[]", b'{"issues":5}', b'{"errorMessages":["no"]}', b"null"])
def test_what_is_no_answer(body: bytes) -> None:
    """Another value is given as it is."""
    assert not isinstance(heads.answer(body), Answer)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"issues":[', b'{"issues":[{"id":1e}]}'])
def test_what_is_no_json(body: bytes) -> None:
    """What cannot be read at all is an error."""
    with pytest.raises(ValueError, match=r"."):
        heads.answer(body)


@pytest.mark.parametrize("name", ["comment", "worklog"])
def test_a_list_that_is_cut(name: str) -> None:
    """An issue with a list that is longer than what came is known to be cut."""
    items = {"comment": "comments", "worklog": "worklogs"}[name]
    issue = b'{"id":"1","fields":{"%b":{"total":%%d,"maxResults":2,"%b":[{},{}]}}}' % (name.encode(), items.encode())

    cut = [heads.answer(b'{"issues":[%b]}' % (issue % total)).heads[0].is_cut for total in (2, 3)]
    assert cut == [False, True]
