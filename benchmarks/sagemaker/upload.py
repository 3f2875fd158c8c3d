"""MB/s of uploads of rows, beside boto3's upload_fileobj, to an S3 that keeps nothing.

The sink is a process of its own, on loopback. Each upload is a fresh process: rows of a
table in memory, dense or CSR, encoded as they are sent, also as a fit of
`SageMakerBackend` sends them, or as many bytes that upload_fileobj is given without any
work of its own. Cases take turns, the median
counts. Memory is the peak over what the process had, with its rows, before the upload.
"""

import contextlib
import functools
import http.server
import json
import multiprocessing
import os
import statistics
import time

import numpy as np
from scipy import sparse

from benchmarks.common import (
    Bars,
    add_quick,
    add_repeats,
    make_parser,
    print_environment,
    print_table,
    run_module,
)
from benchmarks.common.memory import MB, peak_mb, resident_mb

COLUMNS, STORED, WIDTH = 250, 75, 47_000
CASES = ("upload_fileobj", "dense", "sparse", "fit", "built-in fit")


# ------------------------------------------------------------------------------- sink
class Sink(http.server.BaseHTTPRequestHandler):
    """Answers as S3 does, and forgets."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        """An object, or a part of one."""
        left = int(self.headers["Content-Length"])
        space = memoryview(bytearray(1 << 20))
        while left:
            left -= self.rfile.readinto(space[: min(left, len(space))])
        self.answer(b"")

    def do_POST(self):
        """The begin or the end of an upload in parts."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(b"<R><UploadId>1</UploadId><ETag>1</ETag></R>")

    def answer(self, body):
        """Success."""
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing is logged."""


def serve(pipe):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    pipe.send(server.server_address[1])
    server.serve_forever()


@contextlib.contextmanager
def sink():
    """URL of a sink."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.kill()
        process.join()


# ------------------------------------------------------------------------------- cases
class Block:
    """So many bytes, which are all the same ones."""

    def __init__(self, size):
        self.left = size
        self.block = np.random.default_rng(0).bytes(8 << 20)

    def read(self, size=-1):
        """Some of them."""
        count = min(self.left, len(self.block), size if size >= 0 else self.left)
        self.left -= count
        return self.block if count == len(self.block) else self.block[:count]


def table_of(case, n_bytes):
    """Rows whose records are about so many bytes."""
    rng = np.random.default_rng(0)
    if case != "sparse":
        X = np.empty((n_bytes // (4 * COLUMNS + 60), COLUMNS), np.float32)
        part = rng.random((1000, COLUMNS), np.float32)
        for start in range(0, len(X), len(part)):
            X[start : start + len(part)] = part[: len(X) - start]
        return X
    n_rows = n_bytes // (7 * STORED + 70)
    indices = np.empty((n_rows, STORED), np.int32)
    part = np.sort(rng.integers(0, WIDTH, (1000, STORED)), axis=1)
    for start in range(0, n_rows, 1000):
        indices[start : start + 1000] = part[: n_rows - start]
    indptr = np.arange(0, indices.size + 1, STORED)
    values = np.ones(indices.size, np.float32)
    shape = (n_rows, WIDTH)
    return sparse.csr_matrix((values, indices.reshape(-1), indptr), shape=shape)


def upload(case, n_bytes):
    """One upload, in this process."""
    from sklearn_sagemaker.sagemaker.amazon._record_sets import upload_rows
    from sklearn_sagemaker.sagemaker.session import Session

    session = Session()
    client = session.s3_client
    if case == "upload_fileobj":
        source = Block(n_bytes)

        def send():
            client.upload_fileobj(source, "b", "k")
    else:
        X = table_of(case, n_bytes)
        y = np.ones(X.shape[0], np.float32)

        def send():
            upload_rows(session, "s3://b/p", "A", X, y)

        if "fit" in case:
            send = fit_of(client, X, y, case == "built-in fit")

    sizes = []
    client.meta.events.register(
        "before-call.s3", lambda params, **_: sizes.append(_length(params["body"]))
    )
    before = resident_mb()
    start = time.perf_counter()
    send()
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "MB/s": sum(sizes) / MB / seconds,
                "MB": sum(sizes) / MB,
                "memory": peak_mb() - before,
            }
        )
    )


def fit_of(client, X, y, built_in):
    """What sends as a fit of `SageMakerBackend` does, with the digests that name it."""
    from sklearn_sagemaker._state import TrainingData
    from sklearn_sagemaker.backends.sagemaker_records import records
    from sklearn_sagemaker.io.problem_files import encoded_rows, rows_digest
    from sklearn_sagemaker.sagemaker.training_objects import put

    def send():
        if built_in:  # nine rows of ten, as of a hold-out
            chosen = np.flatnonzero(np.arange(len(y)) % 10).astype(np.int64)
            (found,), _ = records("s3://b/p", "train", X, y, chosen, 1)
            uri, pieces = found.uri, found.pieces
        else:
            data = TrainingData(X, y, y)
            uri = f"s3://b/p/{rows_digest(data)}/rows.zip"
            pieces = functools.partial(encoded_rows, data)
        put(client, uri, pieces, owner={}, replace=True)

    return send


def _length(body):
    return len(body) if hasattr(body, "__len__") else 0


def main():
    parser = make_parser(__doc__, data=False)
    add_repeats(parser, 3)
    add_quick(parser, "a tenth of the bytes")
    parser.add_argument("--case", choices=CASES, help="one upload, by this process")
    parser.add_argument("--bytes", type=int, default=10**9)
    options = parser.parse_args()
    if options.case:
        upload(options.case, options.bytes)
        return
    print_environment()
    n_bytes = options.bytes // (10 if options.quick else 1)
    found = {case: [] for case in CASES}
    with sink() as url:
        variables = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        for _ in range(options.repeats):
            for case in CASES:
                arguments = ("--case", case, "--bytes", n_bytes)
                found[case].append(run_module(__spec__.name, *arguments, **variables))
    rates = {
        case: statistics.median(run["MB/s"] for run in runs)
        for case, runs in found.items()
    }
    memory = {case: max(run["memory"] for run in runs) for case, runs in found.items()}
    rows = [
        [
            case,
            f"{found[case][0]['MB']:.0f}",
            f"{rates[case]:.0f}",
            f"{rates[case] / rates['upload_fileobj']:.2f}",
            f"{memory[case]:.0f}",
        ]
        for case in CASES
    ]
    print_table(["case", "MB sent", "MB/s", "of upload_fileobj", "memory, MB"], rows)
    bars = Bars()
    for case in CASES[1:]:
        ratio = rates[case] / rates["upload_fileobj"]
        bars.at_least(f"{case} / upload_fileobj", ratio, 0.5)
        bars.at_most(f"{case}: memory, MB", memory[case], 300)
    bars.exit()


if __name__ == "__main__":
    main()
