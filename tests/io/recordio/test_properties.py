import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from sklearn_sagemaker.io import read_recordio, write_recordio
from sklearn_sagemaker.io.recordio import frames
from sklearn_sagemaker.io.recordio.reading import iter_rows

same_each_time = settings(
    max_examples=100, deadline=None, derandomize=True, database=None
)

SIZES = st.integers(1, 12)
DTYPES = st.sampled_from(["float32", "float64", "int32"])


def numbers(dtype, shape):
    return arrays.arrays(dtype, shape)


@st.composite
def dense_tables(draw):
    return draw(numbers(draw(DTYPES), (draw(SIZES), draw(SIZES))))


@st.composite
def sparse_tables(draw):
    """CSR with keys of every length, empty rows, any order."""
    width = draw(st.sampled_from([1, 5, 127, 128, 20_000, 2**21 + 1, 2**31, 2**40]))
    rows = draw(
        st.lists(
            st.lists(st.integers(0, width - 1), max_size=20, unique=True),
            min_size=1,
            max_size=8,
        )
    )
    keys = np.array([key for row in rows for key in row], np.int64)
    values = draw(numbers(draw(DTYPES), len(keys)))
    ends = np.cumsum([0, *map(len, rows)])
    return sparse.csr_matrix((values, keys, ends), shape=(len(rows), width))


def labels_of(draw, n_rows):
    finite = st.floats(-(2.0**100), 2.0**100, width=32)
    one = st.lists(finite, min_size=n_rows, max_size=n_rows)
    return draw(st.one_of(st.none(), one))


@same_each_time
@given(st.data())
def test_rows_come_back_as_they_were(data):
    X = data.draw(st.one_of(dense_tables(), sparse_tables()))
    y = labels_of(data.draw, X.shape[0])
    weight = labels_of(data.draw, X.shape[0])
    written = write_recordio(
        None,
        X,
        y if y is None else np.array(y, np.float32),
        sample_weight=weight,
        dtype=None,
    )
    (found,) = iter_rows(written, 100)
    assert found.X.dtype == X.dtype
    if sparse.issparse(X):
        X.sort_indices()
        np.testing.assert_array_equal(found.X.indptr, X.indptr)
        np.testing.assert_array_equal(found.X.indices, X.indices)
        assert found.X.data.tobytes() == X.data.tobytes()
        assert found.X.shape == X.shape
    else:
        assert found.X.tobytes() == X.tobytes()
    for before, after in ((y, found.y), (weight, found.sample_weight)):
        assert (before is None) == (after is None)
        if before is not None:
            assert np.asarray(after).tolist() == np.float32(before).tolist()


@same_each_time
@given(sparse_tables(), st.integers(1, 9), st.sampled_from([16, 50, 2**18]))
def test_batches_are_the_whole(X, batch_size, chunk):
    data = write_recordio(None, X, dtype=None)
    whole, _ = read_recordio(data)
    usual, frames.CHUNK = frames.CHUNK, chunk
    try:
        source = io.BufferedReader(io.BytesIO(data))
        parts = [rows.X for rows in iter_rows(source, batch_size)]
    finally:
        frames.CHUNK = usual
    stacked = sparse.vstack(parts, "csr")
    assert stacked.data.tobytes() == whole.data.tobytes()
    np.testing.assert_array_equal(stacked.indices, whole.indices)
    np.testing.assert_array_equal(stacked.indptr, whole.indptr)


@same_each_time
@given(st.binary(max_size=80))
def test_any_bytes_are_rows_or_refused(payload):
    for data in (payload, frames.frame(payload)):
        try:
            X, _ = read_recordio(data)
        except frames.RecordIOError as error:
            assert error.offset is not None  # noqa: PT017
        else:
            assert X.shape[0] >= 1
