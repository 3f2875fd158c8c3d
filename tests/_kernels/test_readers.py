"""Row readers: they stay in the process whose memory they read."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._kernels import RowReader


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("send", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_reader_does_not_travel(make, send):
    reader = RowReader(make(np.eye(3)))
    with pytest.raises(TypeError, match=r"addresses of memory.*RowReader\(X\) there"):
        send(reader)
