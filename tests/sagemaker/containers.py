"""A container that answers what a test asks for, and no more than it knows.

The score of a row is its last feature. What else it does is in the request's custom
attributes, as JSON: ``status`` and ``text`` of an error, ``times`` that it is given
(by ``name``), ``type`` of the answer, ``drop`` rows, ``score`` in place of the last
one, ``key`` in place of its name, ``body`` in place of all; of parts with fewer rows
than ``below`` it drops one.
"""

PROGRAM = r"""
import http.server, json, math, os, struct
SCORE = "X-Amzn-SageMaker-Custom-Attributes"
failed = {}

def number(body, at):
    value = shift = 0
    while True:
        value |= (body[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if body[at - 1] < 128:
            return value, at

def rows_of(body, content_type):
    if content_type == "text/csv":
        return [float(line.split(",")[-1]) for line in body.decode().split()]
    if "json" in content_type:
        return [row["features"][-1] for row in json.loads(body)["instances"]]
    rows, at = [], 0
    while at < len(body):
        size = struct.unpack_from("<I", body, at + 4)[0]
        # Past tags, lengths and the key "values", to those of the values.
        place = number(body, at + 9)[1] + 8
        place = number(body, place + 1)[1]
        place = number(body, place + 1)[1]
        length, place = number(body, place + 1)
        rows.append(struct.unpack_from("<f", body, place + length - 4)[0])
        at += 8 + size + -size % 4
    return rows

def record(key, score):
    key = key.encode()
    value = b"\x12\x08\x12\x06\x0a\x04" + struct.pack("<f", score)
    entry = b"\x0a%c%s%s" % (len(key), key, value)
    payload = b"\x12%c%s" % (len(entry), entry)
    header = struct.pack("<II", 0xCED7230A, len(payload))
    return header + payload + bytes(-len(payload) % 4)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, "text/plain", b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(self.headers.get(SCORE) or "{}")
        name = asked.get("name", "")
        if "status" in asked and failed.get(name, 0) < asked.get("times", 99):
            failed[name] = failed.get(name, 0) + 1
            said = asked.get("text", "no").encode()
            return self.answer(asked["status"], "text/plain", said)
        accept = self.headers.get("Accept", "application/json")
        if "body" in asked:
            return self.answer(200, asked.get("type", accept), asked["body"].encode())
        scores = rows_of(body, self.headers["Content-Type"])
        if name == "part" and len(scores) < asked.get("below", 0):
            scores = scores[:-1]
        scores = scores[:len(scores) - asked.get("drop", 0)]
        if "score" in asked:
            scores[-1] = float(asked["score"])
        key = asked.get("key", "score")
        if accept == "application/x-recordio-protobuf":
            found = b"".join(record(key, score) for score in scores)
        elif accept == "application/jsonlines":
            found = b"".join(json.dumps({key: s}).encode() + b"\n" for s in scores)
        else:
            found = json.dumps({"predictions": [{key: s} for s in scores]}).encode()
        self.answer(200, asked.get("type", accept), found)

    def answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
IMAGE = "example.com/last-feature:1"


def deploy(session, name, *, serverless=None):
    """An endpoint of the container."""
    from sklearn_sagemaker.sagemaker.session import container_def

    session.create_model(name, f"arn:aws:iam::{session.account_id()}:role/x",
                         container_def(IMAGE))  # fmt: skip
    session.create_endpoint_config(
        name, name, 1, "ml.m5.large", serverless_inference_config_dict=serverless
    )
    return session.create_endpoint(name, name)
