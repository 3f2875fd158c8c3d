import numpy as np
import pytest

from sklearn_sagemaker.exceptions import RecordIOError
from sklearn_sagemaker.io.recordio.frames import frame
from sklearn_sagemaker.io.recordio.predictions import (
    decode_predictions,
    encode_predictions,
)
from sklearn_sagemaker.io.recordio.record_messages import Record
from sklearn_sagemaker.io.rows import Predictions

# What an endpoint answered, unframed.
PAYLOAD = bytes.fromhex(
    "121b0a0f7072656469637465645f6c6162656c120812060a040000803f"
    "12110a0573636f7265120812060a04cdcccc3e"
)


def message(score=(0.5,), label=None):
    record = Record()
    record.label["score"].float32_tensor.values.extend(score)
    if label is not None:
        record.label["predicted_label"].float32_tensor.values.extend(label)
    return frame(record.SerializeToString(deterministic=True))


def test_bytes_of_an_endpoint():
    answer = Predictions(np.array([0.4]), np.array([1]))
    assert encode_predictions(answer) == frame(PAYLOAD)
    found = decode_predictions(frame(PAYLOAD))
    assert found.score.tolist() == [np.float32(0.4)]
    assert found.predicted_label.tolist() == [1]


@pytest.mark.parametrize("n_classes", [None, 3, 40])
@pytest.mark.parametrize("classify", [False, True])
def test_round_trip(n_classes, classify):
    shape = (17,) if n_classes is None else (17, n_classes)
    score = np.random.default_rng(0).random(shape).astype(np.float32)
    label = np.arange(17) % 5 if classify else None
    found = decode_predictions(encode_predictions(Predictions(score, label)))
    np.testing.assert_array_equal(found.score, score)
    if classify:
        np.testing.assert_array_equal(found.predicted_label, label)
        assert found.predicted_label.dtype == np.int64
    else:
        assert found.predicted_label is None


@pytest.mark.parametrize(
    ("data", "record", "text"),
    [
        (b"", 0, "is empty"),
        (message() + b"?", 1, "ends after 1 of the 8"),
        (frame(b""), 0, "no label 'score'"),
        (
            message() + message(score=(0.1, 0.2)),
            1,
            "2 scores, but those before it have 1",
        ),
        (message(score=()), 0, "holds no numbers"),
        (message() + message(score=(float("nan"),)), 1, "the score nan"),
        (message(score=(0.1, float("-inf"))), 0, "the score -inf; it must be a finite"),
        (message(label=(1, 2)), 0, "predicted_label that is no class"),
        (message(label=(1e30,)), 0, "predicted_label that is no class"),
        (message(label=(0.5,)), 0, "predicted_label that is no class"),
        (message(label=()), 0, "holds no numbers"),
        (message(label=(float("nan"),)), 0, "predicted_label that is no class"),
        (message(label=(float("inf"),)), 0, "predicted_label that is no class"),
        (message(label=(1,)) + message(), 1, "has no predicted_label"),
        (message() + message(label=(1,)), 1, "has a predicted_label"),
    ],
)
def test_what_is_no_answer(data, record, text):
    with pytest.raises(RecordIOError, match=text) as caught:
        decode_predictions(data)
    assert caught.value.record == record
