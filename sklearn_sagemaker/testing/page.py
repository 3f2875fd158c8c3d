"""The page at ``/``: jobs, endpoints, logs, buckets..., for reading in a browser."""

from __future__ import annotations

import datetime
import hmac
import json
from collections.abc import Callable, Iterable, Iterator
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from sklearn_sagemaker.testing.cloud import Cloud
from sklearn_sagemaker.testing.errors import ServiceError
from sklearn_sagemaker.testing.logs import read_events
from sklearn_sagemaker.testing.page_kinds import (
    KINDS,
    PARTS,
    Kind,
    Parts,
    at,
    of_arn,
)
from sklearn_sagemaker.testing.records import MOVING
from sklearn_sagemaker.testing.requests import Request

COOKIE = "sagemaker-emulator"
MOST_LINES = 1000
"""Of a log, the last ones."""
MOST_ENTRIES = 100
"""Of a list, the last ones."""
EVERY_SECONDS = 3
"""After which the list is shown anew while something goes on."""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --link: #7db7ff; } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 0 auto;
  padding: 1rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
a { color: var(--link); } .scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; min-width: 6rem; }
th { font-weight: 600; } th:first-child { width: 45%; }
pre { background: var(--soft); padding: .7rem; overflow: auto;
  max-height: 70vh; font-size: 13px; }
.soft { opacity: .75; } .moving { font-style: italic; }
input { font: inherit; padding: .3rem; width: 16rem; }
"""
Answer = tuple[int, dict[str, str], bytes]


class Page:
    """Shows what the emulator has, and changes nothing.

    Parameters
    ----------
    call : callable
        ``call(region, operation, request)``: SageMaker's answer.
    operations : container of str
        That are answered.
    cloud : Cloud
    key : str
        Access key of the emulator: who has it may read.
    region : str
    """

    def __init__(
        self,
        call: Callable[[str, str, dict[str, Any]], dict[str, Any] | None],
        operations: Iterable[str],
        cloud: Cloud,
        key: str,
        region: str,
    ):
        self._call, self._cloud, self._key = call, cloud, key
        self._region = region
        self._kinds = [kind for kind in KINDS if f"List{kind.name}s" in operations]

    @staticmethod
    def is_asked(request: Request) -> bool:
        """Whether a browser asks, and no client."""
        return (
            request.method in ("GET", "HEAD")
            and request.path == "/"
            and not request.key
            and "text/html" in request.headers.get("Accept", "")
        )

    def __call__(self, request: Request) -> Answer:
        """Answer a browser."""
        query = parse_qs(request.target.partition("?")[2])
        asked = {name: values[0] for name, values in query.items()}
        if "key" in asked:
            if not self._is_key(asked["key"]):
                return self._refusal("This is not the access key of this emulator.")
            cookie = f"{COOKIE}={self._key}; HttpOnly; SameSite=Strict; Path=/"
            # Out of the address, and so out of the history.
            return 303, {**_HEADERS, "Location": "/", "Set-Cookie": cookie}, b""
        if not self._is_key(_cookie(request)):
            return self._refusal("")
        try:
            title, parts = self._shown(asked)
            inside = list(parts)
        except (ServiceError, LookupError) as error:
            return _document(404, "Not here", [f"<p>{escape(str(error))}</p>"])
        return _document(200, title, inside, not asked)

    def _is_key(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._key.encode())

    def _refusal(self, said: str) -> Answer:
        form = (
            f"<p>{escape(said)}</p><form><label>Access key, as <code>sklearn-sagemaker "
            "emulate</code> prints it (AWS_ACCESS_KEY_ID):<br><input name=key "
            "type=password autofocus></label> <button>Show</button></form>"
        )
        return _document(403, "SageMaker emulator", [form])

    def _shown(self, asked: dict[str, str]) -> tuple[str, Iterator[str]]:
        if "bucket" in asked:
            bucket, prefix = asked["bucket"], asked.get("prefix", "")
            return f"s3://{bucket}/{prefix}", self._objects(bucket, prefix)
        if "kind" in asked:
            kinds, name = {kind.name: kind for kind in self._kinds}, asked.get("name")
            if asked["kind"] not in kinds or not name:
                raise LookupError(f"There is no {asked['kind']!r} of that name.")
            kind = kinds[asked["kind"]]
            return kind.shown(name), self._described(kind, name)
        return "SageMaker emulator", self._overview()

    # ------------------------------------------------------------------- the pages
    def _overview(self) -> Iterator[str]:
        none = []
        for kind in self._kinds:
            found = sorted(map(kind.row, self._listed(kind)), key=lambda row: row[3])
            if not found:
                none.append(kind.title.lower())
                continue
            headers, rows = ["name", "status", "created"], []
            for key, shown, status, created in reversed(found):
                link = _link({"kind": kind.name, "name": key}, shown)
                rows.append([link, _status(status), _time(created)])
            if not any(status for _, _, status, _ in found):
                # Models and the like have none.
                for row in (headers, *rows):
                    del row[1]
            yield from _section(kind.title, headers, rows)
        if none:
            yield f"<p class=soft>There are no {', '.join(none)}.</p>"
        buckets = self._s3.list_buckets()["Buckets"]
        names = [bucket["Name"] for bucket in buckets]
        rows = [[_link({"bucket": name}, name)] for name in names]
        yield from _section("Buckets", ["name"], rows)

    def _listed(self, kind: Kind) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = [{}]
        if kind.of:
            parents = self._listed(next(one for one in KINDS if one.name == kind.of))
            asked = [{f"{kind.of}Name": one[f"{kind.of}Name"]} for one in parents]
        found = []
        for one in asked:
            answer = self._ask(
                f"List{kind.name}s", MaxResults=MOST_ENTRIES, **kind.asked, **one
            )
            found += answer[kind.members]
        return found

    def _described(self, kind: Kind, name: str) -> Iterator[str]:
        asked = kind.described_by(name)
        found = self._ask(f"Describe{kind.name}", **asked)
        if kind.name in PARTS:
            yield from self._parts(PARTS[kind.name], asked)
        text = json.dumps(_with_times(found), indent=2, default=str)
        yield f"<h2>Description</h2><pre>{escape(text)}</pre>"
        if not kind.logs:
            return
        group = kind.logs.format(name=name)
        prefix = {} if "{name}" in kind.logs else {"logStreamNamePrefix": name}
        logs = self._cloud.client("logs", self._region)
        try:
            streams = logs.describe_log_streams(logGroupName=group, **prefix)
        except logs.exceptions.ResourceNotFoundException:
            return
        for stream in streams["logStreams"]:
            names = stream["logStreamName"]
            if prefix and names.partition("/")[0] != name:
                continue
            lines = read_events(logs, group, names)[-MOST_LINES:]
            text = "\n".join(
                f"{_time(line['timestamp'] / 1000)}  {line['message']}"
                for line in lines
            )
            yield f"<h2>Log {escape(names)}</h2><pre>{escape(text)}</pre>"

    def _parts(self, parts: Parts, asked: dict[str, str]) -> Iterator[str]:
        found = self._ask(
            parts.operation, MaxResults=MOST_ENTRIES, SortOrder="Ascending", **asked
        )
        rows = []
        for entry in found[parts.members]:
            cells = []
            for header, way in parts.columns.items():
                text = at(entry, way)
                place = of_arn(text)
                if place is not None:
                    kind, name = place
                    cells.append(_link({"kind": kind, "name": name}, name))
                else:
                    cells.append(_status(text) if header == "status" else escape(text))
            rows.append(cells)
        yield from _section(parts.title, list(parts.columns), rows)

    def _objects(self, bucket: str, prefix: str) -> Iterator[str]:
        client = self._s3
        try:
            found = client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/")
        except client.exceptions.NoSuchBucket as error:
            raise LookupError(f"There is no bucket {bucket!r}.") from error
        folders = [item["Prefix"] for item in found.get("CommonPrefixes", ())]
        rows = [
            [_link({"bucket": bucket, "prefix": folder}, folder), "", ""]
            for folder in folders
        ]
        rows += [
            [
                escape(item["Key"]),
                f"{item['Size']:,}",
                _time(item["LastModified"].timestamp()),
            ]
            for item in found.get("Contents", ())
        ]
        yield from _section("Objects", ["key", "bytes", "changed"], rows)
        if found.get("IsTruncated"):
            yield f"<p class=soft>The first {len(rows):,}.</p>"

    # -------------------------------------------------------------------- the sources
    @property
    def _s3(self) -> Any:
        return self._cloud.client("s3", self._region)

    def _ask(self, operation: str, **request: Any) -> dict[str, Any]:
        return self._call(self._region, operation, request) or {}


def _cookie(request: Request) -> str:
    try:
        found = SimpleCookie(request.headers.get("Cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _link(query: dict[str, str], text: str) -> str:
    return f'<a href="/?{escape(urlencode(query, quote_via=quote))}">{escape(text)}</a>'


def _status(text: str) -> str:
    mark = " class=moving" if text in MOVING else ""
    return f"<span{mark}>{escape(text)}</span>"


def _time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _with_times(found: Any) -> Any:
    """A description whose times can be read."""
    if isinstance(found, dict):
        return {
            name: _time(value)
            if name.endswith("Time") and isinstance(value, float)
            else _with_times(value)
            for name, value in found.items()
        }
    return [_with_times(one) for one in found] if isinstance(found, list) else found


def _section(title: str, headers: list[str], rows: list[list[str]]) -> Iterator[str]:
    """A table; its cells are HTML already."""
    yield f"<h2>{title}</h2>"
    if not rows:
        yield "<p class=soft>None.</p>"
        return
    yield "<div class=scroll><table><tr>"
    yield "".join(f"<th>{name}</th>" for name in headers) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</table></div>"


def _document(
    status: int, title: str, parts: Iterable[str], follows: bool = False
) -> Answer:
    """A page, which follows what goes on if it is to."""
    inside, again = "".join(parts), ""
    if follows and " class=moving" in inside:
        again = f'<meta http-equiv="refresh" content="{EVERY_SECONDS}">'
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,">{again}<title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{inside}"
        '<p class=soft><a href="/">All</a>. Times are UTC; nothing can be changed '
        "here.</p></body></html>"
    )
    return status, dict(_HEADERS), text.encode()
