"""Sparkplug B payloads: bytes to metrics, and the request for a rebirth. It knows no topics and remembers nothing.

The messages are described here in code, so that nothing need be compiled, and only as far as they are read: what else
there is, such as DataSet and MetaData, is skipped as Protobuf skips fields that it does not know. They are of edition
2023, whose rules are those that the specification asks for: what is left out and what is zero are told apart, and
strings are UTF-8. The import takes 20 ms and 4 MB, most of it the library's own; a message of ten metrics takes 13 us
to read, and 20 more to become what it says.

Source: Eclipse Sparkplug 3.0.0, chapter 6, "Google Protocol Buffer Schema"; for compressed payloads, which the
specification does not have, Eclipse Tahu's ``SPBV1.0_COMPRESSED``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from ingest.codec import CodecError
from ingest.span import Fields
from schemas.reason import Reason

MOST_METRICS = 5_000
"""Metrics of one message that are read: building automation tells of thousands in a birth certificate."""
REBIRTH = "Node Control/Rebirth"

_COMPRESSED = "SPBV1.0_COMPRESSED"
_BOOLEAN = 11
_ONE_VALUE = "value"
_PACKAGE = "sparkplug"
_Untyped = Any
"""A message: its class is made here, so no checker knows its fields."""
_Form = descriptor_pb2.FieldDescriptorProto
_FORMS = {
    "bool": _Form.TYPE_BOOL,
    "bytes": _Form.TYPE_BYTES,
    "double": _Form.TYPE_DOUBLE,
    "float": _Form.TYPE_FLOAT,
    "string": _Form.TYPE_STRING,
    "uint32": _Form.TYPE_UINT32,
    "uint64": _Form.TYPE_UINT64,
}
# Name of a message: number and type of its fields; `...` stands behind what there may be several of.
_MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Payload": {
        "timestamp": (1, "uint64"),
        "metrics": (2, "Metric..."),
        "seq": (3, "uint64"),
        "uuid": (4, "string"),
    },
    "Metric": {
        "name": (1, "string"),
        "alias": (2, "uint64"),
        "timestamp": (3, "uint64"),
        "datatype": (4, "uint32"),
        "is_historical": (5, "bool"),
        "is_null": (7, "bool"),
        "properties": (9, "PropertySet"),
        "int_value": (10, "uint32"),
        "long_value": (11, "uint64"),
        "float_value": (12, "float"),
        "double_value": (13, "double"),
        "boolean_value": (14, "bool"),
        "string_value": (15, "string"),
        "bytes_value": (16, "bytes"),
        "template_value": (18, "Template"),
    },
    "PropertySet": {"keys": (1, "string..."), "values": (2, "PropertyValue...")},
    "PropertyValue": {
        "is_null": (2, "bool"),
        "int_value": (3, "uint32"),
        "long_value": (4, "uint64"),
        "string_value": (8, "string"),
    },
    "Template": {"metrics": (2, "Metric..."), "is_definition": (5, "bool")},
}

_PROPERTIES: Fields = {1: "keys", 2: ("values", {8: "property_value"})}
_METRIC: Fields = {1: "name", 9: ("properties", _PROPERTIES), 10: "int_value", 11: "long_value", 15: "string_value"}
_INNER: Fields = {2: ("metrics", _METRIC)}
FIELDS: Fields = {2: ("metrics", {**_METRIC, 18: ("template_value", _INNER)}), 4: "uuid"}
"""Where a payload has its texts and whole numbers, for what strips them."""


class Template(NamedTuple):
    """A metric made of metrics.

    Attributes:
        metrics: Its members.
        is_definition: Whether it says what a kind of template has, and tells of nothing itself.
    """

    metrics: "tuple[Metric, ...]"
    is_definition: bool


class Metric(NamedTuple):
    """A metric as it was sent.

    Attributes:
        name: Empty where there is only an alias.
        alias: A number that a birth certificate gave a name.
        time_ms: Milliseconds since 1970 in UTC; None where it is not told.
        datatype: Its number in the specification; zero where it is left to the birth certificate.
        is_history: Whether it is told late.
        is_null: Whether it says that it has no value.
        properties: Text and whole numbers by name, such as ``engUnit``.
        kind: Field that the value came in, such as ``int_value``; empty for none.
        value: A plain one, bytes, or a Template.
    """

    name: str = ""
    alias: int | None = None
    time_ms: int | None = None
    datatype: int = 0
    is_history: bool = False
    is_null: bool = False
    properties: Mapping[str, str | int] = {}
    kind: str = ""
    value: Any = None


class Payload(NamedTuple):
    """A payload as it was sent.

    Attributes:
        time_ms: When, in milliseconds since 1970 in UTC; None where it is not told.
        seq: Number of the message, one more than that of the message before; None where there is none.
        metrics: In order.
    """

    time_ms: int | None
    seq: int | None
    metrics: tuple[Metric, ...]


def _build_payload_class() -> type[Message]:
    """Return the Protobuf class of payloads."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="editions", edition=descriptor_pb2.EDITION_2023
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if any(map(_is_value, fields)):
            message.oneof_decl.add(name=_ONE_VALUE)
        message.field.extend(_describe_field(one, number, form) for one, (number, form) in fields.items())
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


def _describe_field(name: str, number: int, form: str) -> descriptor_pb2.FieldDescriptorProto:
    of = form.removesuffix("...")
    field = _Form(name=name, number=number, label=_Form.LABEL_OPTIONAL if of == form else _Form.LABEL_REPEATED)
    if of in _FORMS:
        field.type = _FORMS[of]
    else:
        field.type, field.type_name = _Form.TYPE_MESSAGE, f".{_PACKAGE}.{of}"
    if _is_value(name):
        field.oneof_index = 0
    return field


def _is_value(name: str) -> bool:
    """Whether a field is one of those of which there is at most one."""
    return name.endswith("_value")


PayloadMessage = _build_payload_class()
"""Protobuf class of payloads; what is not in ``Payload`` is not in it."""


def read_payload(payload: bytes) -> Payload:
    """Return what a payload says.

    Raises:
        CodecError: No bytes, no Protobuf, a compressed payload, or more than ``MOST_METRICS``.
    """
    if not payload:
        raise CodecError(Reason.EMPTY_PAYLOAD, "the payload has no bytes")
    try:
        message: _Untyped = PayloadMessage.FromString(payload)
    except DecodeError as error:
        raise CodecError(Reason.MALFORMED_PAYLOAD, f"the payload is not of Sparkplug B: {error}") from None
    if message.uuid == _COMPRESSED:
        detail = "the payload is compressed: unset compression in the edge node"
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)
    time_ms = message.timestamp if message.HasField("timestamp") else None
    seq = message.seq if message.HasField("seq") else None
    metrics = _read_metrics(message.metrics, is_inner=False)
    if time_ms is None and seq is None and not metrics:
        detail = "the payload has neither a time, a number nor metrics, as those of Sparkplug B have"
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)
    return Payload(time_ms, seq, metrics)


def write_rebirth(time_ms: int) -> bytes:
    """Return the payload of the command to an edge node to tell everything again.

    Its metric is named, not numbered: an edge node gives it no alias.

    Args:
        time_ms: Milliseconds since 1970 in UTC.
    """
    metric = {"name": REBIRTH, "timestamp": time_ms, "datatype": _BOOLEAN, "boolean_value": True}
    return PayloadMessage(timestamp=time_ms, metrics=[metric]).SerializeToString()


def _read_metrics(messages: Sequence[Message], *, is_inner: bool) -> tuple[Metric, ...]:
    if len(messages) > MOST_METRICS:
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the payload has more than {MOST_METRICS} metrics")
    return tuple([_read_metric(one, is_inner=is_inner) for one in messages])


def _read_metric(message: _Untyped, *, is_inner: bool) -> Metric:
    has = message.HasField
    kind = message.WhichOneof(_ONE_VALUE) or ""
    value = getattr(message, kind) if kind else None
    if kind == "template_value":
        value = _read_template(value, is_inner=is_inner)
    return Metric(
        message.name,
        message.alias if has("alias") else None,
        message.timestamp if has("timestamp") else None,
        message.datatype,
        message.is_historical,
        message.is_null,
        _read_properties(message.properties) if has("properties") else {},
        kind,
        value,
    )


def _read_template(message: _Untyped, *, is_inner: bool) -> Template:
    """Return a template; one inside another has no members here."""
    return Template(() if is_inner else _read_metrics(message.metrics, is_inner=True), message.is_definition)


def _read_properties(message: _Untyped) -> dict[str, str | int]:
    """Return text and whole numbers by name; a set with more names than values has those that have one."""
    kinds = [(one.WhichOneof(_ONE_VALUE), one) for one in message.values]
    return {
        name: getattr(one, kind)
        for name, (kind, one) in zip(message.keys, kinds, strict=False)
        if kind and not one.is_null
    }
