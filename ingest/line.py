"""Line protocol of InfluxDB: names, tags and fields to a line.

Escaping follows the line protocol reference of InfluxDB 1.x and 2.x: comma and space in a measurement; comma, equals
sign and space in tag keys, tag values and field keys. What cannot be escaped is replaced: line breaks and tabs become
spaces, a backslash becomes a slash, since before a comma it could be read either way, and a number sign that would make
the whole line a comment becomes an underscore. Numbers are written as floats and states as booleans, so a field never
changes type. A field that is a text stands in double quotes, with double quotes and backslashes escaped; line breaks
become spaces, so that a line is one line. Times are in milliseconds.
"""

import functools
from collections.abc import Mapping

FieldValues = Mapping[str, float | bool | str]
"""Values of a line by field key; not escaped."""

_LINE_BREAKS = str.maketrans({"\n": " ", "\r": " "})
_REPLACED = str.maketrans({"\n": " ", "\r": " ", "\t": " ", "\\": "/"})


def escape_measurement(name: str) -> str:
    """Return a measurement's name as line protocol wants it."""
    escaped = name.translate(_REPLACED).replace(",", "\\,").replace(" ", "\\ ")
    return "_" + escaped[1:] if escaped.startswith("#") else escaped


# The same field names come with every reading: looking them up takes 2.5 us off a line of seven.
@functools.lru_cache(maxsize=4096)
def escape_key(text: str) -> str:
    """Return a tag key, tag value or field key as line protocol wants it."""
    return text.translate(_REPLACED).replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def format_value(value: float | bool | str) -> str:  # noqa: FBT001 - the value of a field, not a switch
    """Return a field's value: ``true`` or ``false``, a float in its shortest exact form, or a text in double quotes."""
    if type(value) is float:  # nearly every value is one
        return repr(value)
    if isinstance(value, str):
        escaped = value.translate(_LINE_BREAKS).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if value is True:
        return "true"
    if value is False:
        return "false"
    return repr(float(value))


def build_prefix(measurement: str, tags: Mapping[str, str]) -> str:
    """Return measurement and tags, tags sorted by key (InfluxDB stores such lines fastest); empty tags are left out."""
    pairs = "".join(f",{escape_key(key)}={escape_key(value)}" for key, value in sorted(tags.items()) if value)
    return escape_measurement(measurement) + pairs


def build_line(measurement: str, tags: Mapping[str, str], fields: FieldValues, time_ms: int) -> bytes:
    """Return one line, without its newline.

    Args:
        measurement: Name, not escaped.
        tags: By key, not escaped.
        fields: By key, not escaped; at least one.
        time_ms: Milliseconds since 1970 in UTC.
    """
    return finish_line(build_prefix(measurement, tags), fields, time_ms)


def finish_line(prefix: str, fields: FieldValues, time_ms: int) -> bytes:
    """Return one line from a prepared prefix; see ``build_prefix``."""
    pairs = ",".join([f"{escape_key(key)}={format_value(value)}" for key, value in fields.items()])
    return f"{prefix} {pairs} {time_ms}".encode()
