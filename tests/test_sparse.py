import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._sparse import checked_csr, summed, without_zeros

LARGEST = 2**63 - 1
A = np.array([[1.0, 0, 2, 0], [0, 3, 0, 0], [0, 0, 0, 4], [5, 0, 0, 6]])
FORMATS = ("csr", "csc", "bsr", "coo", "lil", "dia", "dok")


def broken(kind, **parts):
    """A matrix that scipy made, with other parts."""
    X = kind(A)
    for name, value in parts.items():
        setattr(X, name, value)
    return X


def ends(*numbers, dtype=np.int64):
    return {"indptr": np.array(numbers, dtype=dtype)}


def columns(*numbers, dtype=np.int32):
    return {"indices": np.array(numbers, dtype=dtype)}


COMPRESSED = {
    "wraps": (ends(0, LARGEST, -LARGEST - 1, -1, 6), "falls from 9223372036854775807"),
    "wraps in 32 bits": (
        ends(0, 2**31 - 1, -(2**31), -1, 6, dtype=np.int32),
        "falls from 2147483647",
    ),
    "falls": (ends(0, 2, -(10**9), 4, 6), "falls from 2 to -1000000000 at place 2"),
    "goes too far": (ends(0, 2, 3, 4, 10**9), "runs to 1000000000"),
    "starts late": (ends(2, 2, 3, 4, 6), "starts at 2"),
    "starts below": (ends(-5, 2, 3, 4, 6), "starts at -5"),
    "is short": (ends(0, 6), "indptr has 2 numbers and needs 5"),
    "is empty": (ends(), "indptr has 0 numbers and needs 5"),
    "is float": (ends(0, 2, 3, 4, 6, dtype=float), "not of dtype float64"),
    "is a list": ({"indptr": [0, 2, 3, 4, 6]}, "not a list"),
    "index too large": (columns(0, 2, 1, 3, 0, 4), "index 4.* lies outside"),
    "index negative": (columns(0, 2, 1, 3, 0, -1), "index -1.* lies outside"),
    "index unsigned": (columns(0, 2, 1, 3, 0, 2**64 - 1, dtype=np.uint64), "outside"),
    "index boolean": (columns(0, 1, 1, 0, 0, 1, dtype=bool), "not of dtype bool"),
    "indices short": (columns(0, 2), "2 indices for 6 values"),
    "data short": ({"data": np.ones(3)}, "6 indices for 3 values"),
    "data in two dimensions": ({"data": np.ones((6, 1))}, r"shape \(6, 1\)"),
    "data of objects": ({"data": np.ones(6, dtype=object)}, "dtype object"),
}


@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array", "csc_matrix", "csc_array"])
@pytest.mark.parametrize("fault", COMPRESSED)
def test_broken_parts_are_named(kind, fault):
    parts, message = COMPRESSED[fault]
    with pytest.raises(ValueError, match=f"given is no valid CS[RC].*{message}.*anew"):
        checked_csr(broken(getattr(sp, kind), **parts), "given")


def single(**parts):
    X = sp.bsr_matrix(A, blocksize=(1, 1))
    for name, value in parts.items():
        setattr(X, name, value)
    return X


def lists(number, row, values):
    X = sp.lil_array(A)
    X.rows[number], X.data[number] = row, values
    return X


def with_key(key, value=1.0):
    X = sp.dok_array(A)
    X._dict[key] = value
    return X


ROWS, COLUMNS = sp.coo_array(A).coords
DIAGONALS = sp.dia_array((np.ones((2, 4)), [0, 1]), shape=(4, 4))
OTHERS = {
    "bsr wraps": (
        lambda: single(**ends(0, LARGEST, -LARGEST - 1, -1, 6)),
        "falls from 9223372036854775807",
    ),
    "bsr index": (lambda: single(**columns(0, 2, 1, 3, 0, 4)), "4 lies outside"),
    "bsr blocks": (lambda: single(data=np.ones((6, 3, 1))), r"shape \(3, 1\) do not"),
    "bsr no blocks": (lambda: single(data=np.ones((6, 0, 0))), r"\(0, 0\) do not"),
    "bsr data": (lambda: single(data=np.ones(6)), "3 dimensions"),
    "coo row": (
        lambda: broken(sp.coo_array, coords=(ROWS + 10**9, COLUMNS)),
        r"row index 1000000\d\d\d lies outside \[0, 4\)",
    ),
    "coo row below": (
        lambda: broken(sp.coo_matrix, coords=(ROWS - 1, COLUMNS)),
        "row index -1 lies outside",
    ),
    "coo column": (
        lambda: broken(sp.coo_array, coords=(ROWS, COLUMNS + 1)),
        "column index 4 lies outside",
    ),
    "coo short": (
        lambda: broken(sp.coo_array, coords=(ROWS[:2], COLUMNS)),
        r"have \[6, 2, 6\] numbers",
    ),
    "coo float": (
        lambda: broken(sp.coo_array, coords=(ROWS * 0.5, COLUMNS)),
        "row must be a row of whole numbers",
    ),
    "coo one": (lambda: broken(sp.coo_array, coords=(ROWS,)), "has 1 arrays"),
    "coo list": (lambda: broken(sp.coo_array, data=[1.0] * 6), "not a list"),
    "lil longer": (lambda: lists(1, [0], [1.0] * 10**6), "1 columns for 1000000 val"),
    "lil column": (lambda: lists(1, [10**9], [1.0]), "1000000000"),
    "lil large": (lambda: lists(1, [10**30], [1.0]), "cannot become CSR"),
    "lil text": (lambda: lists(1, [0], ["a"]), "cannot become CSR"),
    "lil arrays": (lambda: lists(1, np.arange(1), np.ones(1)), "must be 4 lists"),
    "lil list": (lambda: broken(sp.lil_array, rows=[[0]] * 4), "must be 4 lists"),
    "dia more": (
        lambda: broken(lambda A: DIAGONALS.copy(), offsets=np.array([0])),
        "2 diagonals for 1 offsets",
    ),
    "dia far": (
        lambda: broken(lambda A: DIAGONALS.copy(), offsets=np.array([0, 2**32])),
        "beyond",
    ),
    "dia twice": (
        lambda: broken(lambda A: DIAGONALS.copy(), offsets=np.array([0, 0])),
        "two of its offsets are equal",
    ),
    "dok column": (lambda: with_key((0, 4)), "cannot become CSR"),
    "dok three": (lambda: with_key((0, 1, 2)), "not two whole numbers"),
    "dok value": (lambda: with_key((0, 1), 1j), "cannot become CSR"),
    "one dimension": (lambda: sp.coo_array(np.ones(4)), "1 dimensions"),
}


@pytest.mark.parametrize("fault", OTHERS)
def test_broken_parts_of_other_formats_are_named(fault):
    make, message = OTHERS[fault]
    with pytest.raises(ValueError, match=message):
        checked_csr(make())


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("name", FORMATS)
def test_sound_ones_become_csr(name, kind):
    X = getattr(sp, f"{name}_{kind}")(A)
    found = checked_csr(X)
    assert found.format == "csr"
    assert (found is X) == (name == "csr")
    np.testing.assert_array_equal(found.toarray(), A)


@pytest.mark.parametrize("dtype", ["i2", "u2", "u4", "u8", ">i4", ">i8"])
@pytest.mark.parametrize("name", ["csr", "csc", "bsr", "coo"])
def test_indices_of_any_integer_type(name, dtype):
    X = getattr(sp, f"{name}_array")(A)
    if name == "coo":
        X.coords = tuple(part.astype(dtype) for part in X.coords)
    else:
        X.indices, X.indptr = X.indices.astype(dtype), X.indptr.astype(dtype)
    found = summed(checked_csr(X))
    assert found.indices.dtype in (np.int32, np.int64)
    np.testing.assert_array_equal(found.toarray(), A)


def test_room_behind_the_last_row_is_not_looked_at():
    X = sp.csr_array(A)
    X.data, X.indices = np.append(X.data, 0.0), np.append(X.indices, 99)
    assert checked_csr(X) is X
    assert without_zeros(X) is X


def twice(values, dtype, kind=sp.csr_array):
    """A row whose values all stand in column 1."""
    X = sp.csr_array((1, 3))
    X.data, X.indices = np.array(values, dtype), np.ones(len(values), np.int32)
    X.indptr = np.array([0, len(values)], np.int32)
    if kind is sp.coo_array:
        at = np.zeros(len(values), np.int32), np.ones(len(values), np.int32)
        X = sp.coo_array((np.ones(len(values)), at), shape=X.shape)
        X.data = np.array(values, dtype)
    return X


@pytest.mark.parametrize("kind", [sp.csr_array, sp.coo_array])
@pytest.mark.parametrize(
    ("values", "dtype", "wanted"),
    [
        ([1, 2], "i1", "i1"),
        ([100, 100], "i1", "f8"),
        ([200, 100], "u1", "f8"),
        ([2**62, 2**62], "i8", "f8"),
        ([2**60, 1], "i8", "i8"),
        ([True, True], "?", "u1"),
        ([1.5, 2.5], ">f4", "f4"),
    ],
)
def test_sums_are_those_of_numbers(values, dtype, wanted, kind):
    X = twice(values, dtype, kind)
    found = summed(checked_csr(X))
    assert found.nnz == 1
    assert found.dtype == np.dtype(wanted)
    assert found.data[0] == sum(map(float if "f" in dtype else int, values))
    assert X.data.tolist() == np.array(values, dtype).tolist()


def test_a_sum_that_overflows_is_refused():
    with pytest.raises(ValueError, match="given holds entries.*float32"):
        summed(twice([3e38, 3e38], "f4"), "given")
    # Not finite before, so that is another's to refuse.
    assert np.isnan(summed(twice([np.nan, 1.0], "f4")).data[0])


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f4", "f8", "i1", "u8", "?", "g"])
def test_zeros_are_dropped_from_a_copy(dtype):
    X = sp.csr_array(A)
    X.data = np.array([1, 0, 3, 4, 0, 6]).astype(dtype)
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    found = without_zeros(X)
    assert found.nnz == 4
    assert X.nnz == 6
    np.testing.assert_array_equal(found.data, X.data[X.data != 0])
    assert without_zeros(found) is found


def test_entries_that_cancel_are_absent():
    assert without_zeros(summed(twice([1.5, -1.5], "f8"))).nnz == 0
