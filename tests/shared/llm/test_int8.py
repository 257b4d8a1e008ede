"""Matrices kept as int8 are multiplied as int8, in the runtime that will do so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.llm.embedded.embedder import import_onnxruntime
from shared.llm.embedded.int8 import SLOW_TOGETHER, multiplied_as_int8, multiplies_int8

ROWS, INNER, COLUMNS = 5, 16, 8
FLOAT, INT8 = 1, 3


def number(value: int) -> bytes:
    """As protobuf writes it: 7 bits a byte, the lowest first."""
    head = b""
    while value > 127:
        head, value = head + bytes([value & 127 | 128]), value >> 7
    return head + bytes([value])


def field(place: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return number(place << 3) + number(value)
    content = value.encode() if isinstance(value, str) else value
    return number(place << 3 | 2) + number(len(content)) + content


def node(kind: str, inputs: list[str], output: str, attributes: bytes = b"") -> bytes:
    return field(1, b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind) + attributes)


def tensor(name: str, kind: int, values: NDArray[Any]) -> bytes:
    dimensions = b"".join(field(1, size) for size in values.shape)
    return field(5, dimensions + field(2, kind) + field(8, name) + field(9, values.tobytes()))


def value(place: int, name: str, shape: tuple[int, ...]) -> bytes:
    dimensions = b"".join(field(1, field(1, size)) for size in shape)
    return field(place, field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, dimensions))))


def model(weights: NDArray[np.int8], scales: NDArray[np.float32], old: bytes = b"", new: bytes = b"") -> bytes:
    """x times the unpacked weights, as an ONNX model, with something of its graph replaced."""
    to_float = field(5, field(1, "to") + field(3, FLOAT) + field(20, 2))
    graph = (
        node("Cast", ["q"], "f", to_float)
        + node("Mul", ["f", "scales"], "w")
        + node("MatMul", ["x", "w"], "y")
        + field(2, "product")
        + tensor("q", INT8, weights)
        + tensor("scales", FLOAT, scales)
        + value(11, "x", (ROWS, INNER))
        + value(12, "y", (ROWS, COLUMNS))
    )
    assert old in graph
    return field(1, 8) + field(7, graph.replace(old, new)) + field(8, field(1, "") + field(2, 17))


def layer(weights: NDArray[np.int8], scales: NDArray[np.float32], bias: NDArray[np.float32], half: float) -> bytes:
    """x times the unpacked weights, and the bias; `half` times the GELU's double of it; a guarded softmax of that."""
    to_float = field(5, field(1, "to") + field(3, FLOAT) + field(20, 2))
    constants = {"half": half, "root": 2**0.5, "one": 1.0, "zero": 0.0}
    graph = (
        node("Cast", ["q"], "f", to_float)
        + node("Mul", ["f", "scales"], "w")
        + node("MatMul", ["x", "w"], "product")
        + node("Add", ["product", "bias"], "sum")
        + node("Div", ["sum", "root"], "part")
        + node("Erf", ["part"], "error")
        + node("Add", ["error", "one"], "more")
        + node("Mul", ["half", "more"], "share")
        + node("Mul", ["sum", "share"], "gelu")
        + node("Softmax", ["gelu"], "soft")
        + node("IsNaN", ["soft"], "doubt")
        + node("Where", ["doubt", "zero", "soft"], "y")
        + field(2, "layer")
        + tensor("q", INT8, weights)
        + tensor("scales", FLOAT, scales)
        + tensor("bias", FLOAT, bias)
        + b"".join(tensor(name, FLOAT, np.array(value, dtype=np.float32)) for name, value in constants.items())
        + value(11, "x", (ROWS, INNER))
        + value(12, "y", (ROWS, COLUMNS))
    )
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


def run(content: bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    where = {"providers": ["CPUExecutionProvider"], "disabled_optimizers": [*SLOW_TOGETHER]}
    session = onnxruntime.InferenceSession(content, options, **where)
    found: NDArray[np.float32] = session.run(None, {"x": x})[0]
    return found


@pytest.fixture
def made() -> bytes:
    chance = np.random.default_rng(0)
    weights = chance.integers(-60, 60, size=(INNER, COLUMNS)).astype(np.int8)  # no sum of two products overflows
    return model(weights, chance.random((1, COLUMNS), dtype=np.float32))


def test_the_product_is_the_same_within_the_rounding_to_8_bits(made: bytes) -> None:
    x = np.random.default_rng(1).standard_normal((ROWS, INNER)).astype(np.float32)
    quick = multiplied_as_int8(made)
    assert quick is not None
    assert b"DynamicQuantizeMatMul" in quick
    exact, found = run(made, x), run(quick, x)
    assert not np.array_equal(exact, found)
    assert np.abs(exact - found).max() < 0.02 * np.abs(exact).max()


@pytest.mark.parametrize(("half", "has_gelu"), [(0.5, True), (0.25, False)])
def test_a_product_is_joined_with_its_bias_and_the_nodes_of_a_gelu_to_one(half: float, has_gelu: bool) -> None:
    chance = np.random.default_rng(0)
    weights = chance.integers(-60, 60, size=(INNER, COLUMNS)).astype(np.int8)
    scales = chance.random((1, COLUMNS), dtype=np.float32) / np.float32(50)
    made = layer(weights, scales, chance.standard_normal(COLUMNS).astype(np.float32), half)
    quick = multiplied_as_int8(made)
    assert quick is not None
    assert (b"Gelu" in quick, b"Erf" in quick) == (has_gelu, not has_gelu)
    assert b"IsNaN" not in quick
    x = chance.standard_normal((ROWS, INNER)).astype(np.float32)
    assert np.abs(run(made, x) - run(quick, x)).max() < 0.02


def test_a_model_without_such_weights_is_left_alone() -> None:
    plain = field(1, 8) + field(7, node("MatMul", ["x", "w"], "y") + field(2, "product"))
    assert multiplied_as_int8(plain) is None


@pytest.mark.parametrize("shape", [(COLUMNS,), (1, COLUMNS)])
def test_scales_of_the_columns_are_taken_in_either_form(shape: tuple[int, ...]) -> None:
    chance = np.random.default_rng(0)
    weights = chance.integers(-60, 60, size=(INNER, COLUMNS)).astype(np.int8)
    made = model(weights, chance.random(shape, dtype=np.float32))
    quick = multiplied_as_int8(made)
    assert quick is not None
    x = chance.standard_normal((ROWS, INNER)).astype(np.float32)
    exact = run(made, x)
    assert np.abs(exact - run(quick, x)).max() < 0.02 * np.abs(exact).max()


@pytest.mark.parametrize("shape", [(INNER, 1), (INNER, COLUMNS), (1,), (), (1, 1, COLUMNS)])
def test_scales_that_are_not_the_columns_leave_the_graph_as_it_is(shape: tuple[int, ...]) -> None:
    assert multiplied_as_int8(model(np.ones((INNER, COLUMNS), np.int8), np.ones(shape, np.float32))) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (tensor("q", INT8, np.ones((INNER, COLUMNS), np.int8)), value(11, "q", (INNER, COLUMNS))),
        (tensor("scales", FLOAT, np.ones((1, COLUMNS), np.float32)), value(11, "scales", (1, COLUMNS))),
        (node("Cast", ["q"], "f", field(5, field(1, "to") + field(3, FLOAT) + field(20, 2))), b""),
        (field(2, INT8) + field(8, "q"), field(2, INT8 - 1) + field(8, "q")),
    ],
)
def test_weights_that_are_computed_or_of_other_numbers_leave_the_graph_as_it_is(old: bytes, new: bytes) -> None:
    weights, scales = np.ones((INNER, COLUMNS), np.int8), np.ones((1, COLUMNS), np.float32)
    assert multiplied_as_int8(model(weights, scales)) is not None
    assert multiplied_as_int8(model(weights, scales, old, new)) is None


def test_a_bias_that_is_computed_is_added_as_before() -> None:
    weights, scales = np.ones((INNER, COLUMNS), np.int8), np.ones((1, COLUMNS), np.float32)
    product = node("MatMul", ["x", "w"], "y")
    added = node("MatMul", ["x", "w"], "product") + node("Abs", ["x"], "more") + node("Add", ["product", "more"], "y")
    quick = multiplied_as_int8(model(weights, scales, product, added))
    assert quick is not None
    assert b"Add" in quick


def test_what_the_processor_can_do_is_read_from_it() -> None:
    assert isinstance(multiplies_int8(), bool)
