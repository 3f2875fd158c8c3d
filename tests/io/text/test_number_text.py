"""Numbers as text: none changes on its way there and back."""

import math

import numpy as np
import pytest

from sklearn_sagemaker.io.text.number_text import (
    check_writable,
    number_texts,
    parse_number,
    python_numbers,
)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u8", "i8"])
def test_numbers_come_back(dtype):
    rng = np.random.default_rng(0)
    values = np.frombuffer(rng.bytes(4000 * np.dtype(dtype).itemsize), dtype)
    values = values[np.isfinite(values)][:, np.newaxis]
    texts = number_texts(values)
    found = np.array([text for (text,) in texts]).astype(dtype)
    np.testing.assert_array_equal(found, values[:, 0])
    if values.dtype.kind == "f":
        assert all(set(text) & set(".e") for (text,) in texts)


def test_long_doubles_are_not_cut():
    values = np.array([[np.finfo(np.longdouble).max, np.longdouble(1) / 3]])
    found = [np.longdouble(text) for text in number_texts(values)[0]]
    assert found == values[0].tolist()


def test_booleans_are_numbers():
    assert number_texts(np.array([[True, False]])) == [["1", "0"]]
    assert python_numbers(np.array([[True, False]]), "X") == [[1, 0]]


@pytest.mark.parametrize("text", ["1_000", "\u0661", "x", "", "0x10", "1,5"])
def test_what_is_no_number(text):
    assert math.isnan(parse_number(text))


def test_only_finite_numbers_are_written():
    with pytest.raises(ValueError, match=r"X\[1, 0\] is inf; only finite numbers"):
        check_writable(np.array([[1, 2], [np.inf, np.nan]]), "X")
    with pytest.raises(ValueError, match=r"y has dtype <U1; numbers are needed"):
        check_writable(np.array(["a"]), "y")
    check_writable(np.array(["a"]), "y", text=True)
    with pytest.raises(ValueError, match=r"y has dtype object"):
        check_writable(np.array(["a"], dtype=object), "y", text=True)
