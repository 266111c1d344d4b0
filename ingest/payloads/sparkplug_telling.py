"""What the metrics of a Sparkplug B message say of one address: one Said for each time that they are of.

- A metric is known by its name, or by the alias that its birth certificate gave it.
- What the certificate alone tells is its type and its unit; a message may tell both itself.
- A metric without a value, or whose quality is not good, says that there is none.
- An array becomes a member for each value, by index; a template one for each of its metrics. Tables, files and bytes
  have no members, nor have commands and what describes the product.
- What is not of its type costs that metric only, and is a fault to tell people of.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ingest.codec import CodecError
from ingest.payloads.sparkplug_births import UNIT, Certificate, Meaning, spread
from ingest.payloads.sparkplug_payload import Metric, Payload
from ingest.payloads.sparkplug_values import WITHOUT_VALUES, ValueFaultError, read_value
from ingest.payloads.written_unit import read_unit
from ingest.source import Plain, Said
from schemas.reason import Reason
from schemas.validation import shorten

MOST_VALUES = 5_000
"""Values of one message."""

_GOOD = 192
_CONTROLS = ("bdSeq", "Node Control/", "Device Control/")
_PROPERTIES = "Properties/"


class Telling(NamedTuple):
    """What a message says.

    Attributes:
        said: In order of time, what has none last.
        faults: Metrics that are not of their type, for people.
        unknown: Metrics that are not in the birth certificate, and do not tell everything themselves; likewise.
    """

    said: Sequence[Said]
    faults: Sequence[str]
    unknown: Sequence[str]


class _UnknownMetricError(Exception):
    """A metric is not in the birth certificate."""


class _Moment(NamedTuple):
    members: dict[str, Plain]
    units: dict[str, str]


class _Moments:
    """What is said, by time and by whether it is told late."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int | None, bool], list[_Moment]] = {}
        self.count = 0

    def put(self, time_ms: int | None, values: Mapping[str, Plain], unit: str, *, is_history: bool) -> None:
        """Add values of one metric; a second value of the same name begins another row."""
        rows = self._rows.setdefault((time_ms, is_history), [])
        if not rows or not rows[-1].members.keys().isdisjoint(values):
            rows.append(_Moment({}, {}))
        rows[-1].members.update(values)
        if unit:
            rows[-1].units.update(dict.fromkeys(values, unit))
        self.count += len(values)

    def list_said(self, address: str, model: str) -> list[Said]:
        """Return one Said for each row, in order of time."""
        keys = sorted(self._rows, key=lambda key: (key[0] is None, key[0] or 0))
        return [
            Said(address, row.members, row.units, time_ms, is_history=is_history, model=model)
            for time_ms, is_history in keys
            for row in self._rows[time_ms, is_history]
        ]


def tell(address: str, payload: Payload, certificate: Certificate) -> Telling:
    """Return what a message says of an address.

    Raises:
        CodecError: There are too many values.
    """
    moments, faults, unknown = _Moments(), list[str](), list[str]()
    for metric in payload.metrics:
        try:
            for name, one in spread(metric, _find_name(metric, certificate)):
                meaning = _find_meaning(name, one, certificate)
                time_ms = payload.time_ms if one.time_ms is None else one.time_ms
                values = _read_values(one, meaning, faults)
                if values:
                    moments.put(time_ms, values, _find_unit(one, meaning), is_history=one.is_history)
        except _UnknownMetricError as error:
            unknown.append(str(error))
        if moments.count > MOST_VALUES:
            raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the payload has more than {MOST_VALUES} values")
    return Telling(moments.list_said(address, certificate.model), faults, unknown)


def _find_name(metric: Metric, certificate: Certificate) -> str:
    if metric.name:
        return metric.name
    meaning = None if metric.alias is None else certificate.aliases.get(metric.alias)
    if meaning is None:
        what = "without a name" if metric.alias is None else f"with alias {metric.alias}"
        raise _UnknownMetricError(f"there is a metric {what} that is not in the birth certificate")
    return meaning.name


def _find_meaning(name: str, metric: Metric, certificate: Certificate) -> Meaning:
    name = name or _find_name(metric, certificate)
    meaning = certificate.names.get(name)
    if meaning is not None:
        return meaning
    if not metric.datatype:
        raise _UnknownMetricError(f"there is a metric {shorten(name)} that is not in the birth certificate")
    return Meaning(name, metric.datatype)


def _find_unit(metric: Metric, meaning: Meaning) -> str:
    return read_unit(str(metric.properties[UNIT])) if UNIT in metric.properties else meaning.unit


def _read_values(metric: Metric, meaning: Meaning, faults: list[str]) -> dict[str, Plain]:
    """Return the members that a metric becomes; where it is not of its type there are none, but a fault more."""
    name = meaning.name
    datatype = metric.datatype or meaning.datatype
    if name.startswith(_CONTROLS) or datatype in WITHOUT_VALUES:
        return {}
    if metric.is_null or not metric.kind or metric.properties.get("Quality", _GOOD) != _GOOD:
        return {name: None}
    try:
        value = read_value(datatype, metric.kind, metric.value)
    except ValueFaultError as error:
        faults.append(f"{shorten(name)} {error}")
        return {}
    if isinstance(value, list):
        return {f"{name}.{index}": one for index, one in enumerate(value)}
    if name.startswith(_PROPERTIES) and isinstance(value, str):
        return {}
    return {name: value}
