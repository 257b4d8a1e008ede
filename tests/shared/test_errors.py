"""Errors as text: what is wrong, and where."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from shared.errors import first_problem
from shared.models import Question


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"question": "q", "budget": {"tokens": -1}}, "budget.tokens: Input should be greater than 0"),
        ({}, "question: Field required"),
        ([], "line: Input should be a valid dictionary or instance of Question"),
    ],
)
def test_the_first_problem_is_named_with_its_place(given: Any, says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(Question).validate_python(given)
    assert first_problem(raised.value, whole="line") == says


def test_a_problem_of_the_whole_input_needs_no_place() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(int).validate_python("x")
    assert first_problem(raised.value).startswith("Input should be a valid integer")


def test_a_request_is_named_without_the_part_it_came_in() -> None:
    error = RequestValidationError([{"loc": ("body", "question"), "msg": "Field required", "type": "missing"}])
    assert first_problem(error, whole="body", skip=1) == "question: Field required"
