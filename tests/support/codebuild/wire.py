"""Requests and answers in the three dialects of AWS: JSON, query with XML, REST with XML."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

ACCOUNT = "123456789012"
REGION = "us-east-1"
JSON_TYPE = "application/x-amz-json-1.1"
XML_TYPE = "text/xml"
CLOUDFRONT = "/2020-05-31/"
INVALIDATION = re.compile(r"/2020-05-31/distribution/(?P<distribution>[^/]+)/invalidation(/(?P<id>[^/]+))?")
STATUSES = {
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "NoSuchDistribution": 404,
    "NoSuchInvalidation": 404,
}
BAD_REQUEST = 400


class AwsError(Exception):
    """A refusal as AWS would give it."""

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status or STATUSES.get(code, BAD_REQUEST)


def invalid(message: str) -> AwsError:
    """The refusal that most services give to parameters that make no sense."""
    return AwsError("InvalidInputException", message)


@dataclass(frozen=True)
class Answer:
    """What goes back over the wire; ``error`` is the code of a refusal."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str | None = None


@dataclass(frozen=True)
class Request:
    """What came over the wire. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def target(self) -> str:
        return self.headers.get("x-amz-target", "")

    @property
    def service(self) -> str:
        """The service as X-Amz-Target names it; nothing in the other dialects."""
        return self.target.partition(".")[0]

    @property
    def is_cloudfront(self) -> bool:
        return self.path.startswith(CLOUDFRONT)

    @property
    def operation(self) -> str:
        if self.target:
            return self.target.partition(".")[2]
        if found := INVALIDATION.fullmatch(self.path.partition("?")[0]):
            known = {("POST", False): "CreateInvalidation", ("GET", True): "GetInvalidation"}
            return known.get((self.method, found["id"] is not None), "ListInvalidations")
        return str(self.parameters.get("Action", f"{self.method} {self.path}"))

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What the operation was asked for, as in boto3 where the dialect is JSON."""
        if self.target:
            return _json_object(self.body)
        if found := INVALIDATION.fullmatch(self.path.partition("?")[0]):
            return {"DistributionId": found["distribution"], "Id": found["id"], **_batch(self.body)}
        if "x-www-form-urlencoded" in self.headers.get("content-type", ""):
            return dict(parse_qsl(self.body.decode()))
        return {}

    def refuse(self, error: AwsError) -> Answer:
        """The refusal in the dialect of the request."""
        if self.target:
            body = json.dumps({"__type": error.code, "message": error.message}).encode()
            # Services that once spoke the query dialect, as CloudWatch, say the code of those days too.
            headers = {"Content-Type": JSON_TYPE, "x-amzn-query-error": f"{error.code};Sender"}
            return Answer(error.status, headers, body, error.code)
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error><RequestId>local</RequestId></ErrorResponse>"
        )
        return Answer(error.status, {"Content-Type": XML_TYPE}, text.encode(), error.code)


def json_answer(content: Mapping[str, Any]) -> Answer:
    return Answer(200, {"Content-Type": JSON_TYPE}, json.dumps(content).encode())


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", "The body is not JSON.") from error
    if not isinstance(content, dict):
        raise AwsError("SerializationException", "The body is not a JSON object.")
    return content


def _batch(body: bytes) -> dict[str, Any]:
    """The InvalidationBatch of CloudFront."""
    if not body:
        return {}
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise AwsError("MalformedXML", "The body is not XML.") from error
    paths = [path.text or "" for path in root.iter() if path.tag.rpartition("}")[2] == "Path"]
    references = [each.text or "" for each in root if each.tag.rpartition("}")[2] == "CallerReference"]
    return {"CallerReference": next(iter(references), ""), "Paths": paths}
