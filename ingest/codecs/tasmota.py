"""Tasmota: JSON of its telemetry, and what it says of its relays.

- Topics: ``tele/{topic}/{word}`` and ``stat/{topic}/{word}``, which is FullTopic ``%prefix%/%topic%/``. With another
  root only ``{root}/{topic}/{word}``; of another FullTopic the source's ``patterns`` tell, one for each prefix, such as
  ``bygg/{address}/tele/{member}`` and ``bygg/{address}/stat/{member}``.
- The address of a device is its topic, ``%topic%``.
- The values of ``SENSOR`` are named by the sensor's driver: ``BME280.Temperature``. Where there are several of a kind
  they are numbered, and renumbered when one of them fails: ``DS18B20-1.Temperature``; one that has an ``Id`` has its
  values under that too: ``DS18B20.00000566CC39.Temperature``. Values of phases have an index: ``ENERGY.Current.0``.
- ``TempUnit`` and ``PressureUnit`` say the units of that message; where they are missing, the Model's are taken.
- The time is the device's, on its own wall clock unless ``SetOption52 1`` adds the offset (recommended): such a clock
  is read in the source's zone. Before the device has asked a time server it is of 1970; then there is no time.
- ``STATE`` tells what is of the device itself, and the relays; ``POWER`` each change of one, without a time. With
  ``SensorRetain`` or ``PowerRetain`` they come again at each connection: ``SENSOR`` with its time, ``POWER`` without.
- It publishes with QoS 0 only.

Sources: Tasmota's documentation, "MQTT", "Commands", "JSON Status Responses", "DS18x20", "Deep Sleep".
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ingest.codec import CodecError
from ingest.event_time import parse_time
from ingest.payloads.json_payload import flatten, read_object, show
from ingest.payloads.protobuf_json import Part
from ingest.payloads.topic_pattern import TopicPatterns, make_filter
from ingest.payloads.wall_clock import read_wall_clock
from ingest.source import Event, EventKind, Format, Heard, Plain, Said, Source
from ingest.stripping import Traits
from schemas.reason import Reason
from schemas.validation import shorten

VALID_FROM_MS = 1_451_602_800_000
"""A clock before 2016 was never set: Tasmota's own limit (``START_VALID_TIME``)."""

_LATEST_S = 253_402_300_799
_TELEMETRY = "tele"
_OF_MESSAGE = ("Time", "Epoch", "TempUnit", "PressureUnit", "SpeedUnit")
_TEMPERATURE_UNITS = {"C": "Cel", "F": "[degF]"}
_PRESSURE_UNITS = {"hPa": "hPa", "mmHg": "mm[Hg]", "inHg": "[in_i'Hg]"}
_TEMPERATURE = re.compile(r"Temperature\d*|DewPoint|HeatIndex|OBJTMP|AMBTMP", re.ASCII)
_PRESSURE = re.compile(r"Pressure|SeaPressure")
_NUMBER = re.compile(r"[-_][0-9]+\Z")
"""Of one sensor among several of a kind; ``SetOption64 1`` makes the hyphen an underscore."""
_RELAY = re.compile(r"POWER\d{0,2}", re.ASCII)
_OF_NETWORK = ("Wifi.SSId", "Wifi.BSSId", "Wifi.APMac")
"""Names and hardware addresses of other people's access points, too."""
_STATES = {"online": EventKind.ONLINE, "offline": EventKind.OFFLINE}
_OTHER = re.compile(r"RESULT|STATUS[0-9]*|INFO[23]|UPTIME|EVENT|LOGGING|MARGINS|WAKEUP|HASS_STATE|SSERIALRECEIVED")


def _list_patterns(source: Source) -> Sequence[str]:
    if source.patterns:
        return source.patterns
    own = f"{source.root}/{{address}}/{{member}}"
    return (own, "stat/{address}/{member}") if source.root == _TELEMETRY else (own,)


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._zone_info = source.zone_info
        self._patterns = TopicPatterns(_list_patterns(source))

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:
        """Return what a message says.

        Raises:
            CodecError: It is not of the format.
        """
        address, word = self._patterns.read(topic)
        word = word or topic.rpartition("/")[2]
        if word == "LWT":
            return Heard(events=(_read_will(address, payload),))
        if _RELAY.fullmatch(word):
            return _read_relay(address, word, payload)
        if word in ("SENSOR", "STATUS8", "STATUS10"):
            whole = _open(payload, "StatusSNS")
            return self._read_sensors(address, whole, received_ms)
        if word in ("STATE", "STATUS11"):
            whole = _open(payload, "StatusSTS")
            return self._read_state(address, whole, received_ms)
        if word == "INFO1":
            return Heard(events=(_describe(address, Part(_open(payload, "Info1"))),))
        if _OTHER.fullmatch(word):
            return Heard(events=(Event(EventKind.OTHER, address, word),))
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic ends in {shorten(word)}, which is no known message")

    def _read_sensors(self, address: str, whole: Mapping[str, Any], received_ms: int) -> Heard:
        time_ms = self._read_time(whole, received_ms)
        sensors = {name: value for name, value in whole.items() if name not in _OF_MESSAGE}
        members = _name_by_id(sensors) | flatten(sensors)
        if not members:  # it has no sensor
            return Heard()
        return Heard((Said(address, members, _find_units(Part(whole), members), time_ms),))

    def _read_state(self, address: str, whole: Mapping[str, Any], received_ms: int) -> Heard:
        time_ms = self._read_time(whole, received_ms)
        told = flatten({name: value for name, value in whole.items() if name not in _OF_MESSAGE})
        relays = {name: value for name, value in told.items() if _RELAY.fullmatch(name)}
        figures = {name: value for name, value in told.items() if name not in relays and name not in _OF_NETWORK}
        events = (Event(EventKind.STATUS, address, members=figures),) if figures else ()
        return Heard((Said(address, relays, time_ms=time_ms),) if relays else (), events)

    def _read_time(self, whole: Mapping[str, Any], received_ms: int) -> int | None:
        """Return the event time; None where the message has none, or the clock was never set."""
        told = whole["Epoch"] if isinstance(whole.get("Epoch"), int) else whole.get("Time")
        if told is None:
            return None
        try:
            time_ms = self._parse_time(told, received_ms)
        except (TypeError, ValueError):
            raise CodecError(Reason.INVALID_TIME, f"Time is {show(told)}, no time that Tasmota writes") from None
        return time_ms if time_ms >= VALID_FROM_MS else None

    def _parse_time(self, told: object, received_ms: int) -> int:
        if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= _LATEST_S:
            return told * 1000
        if not isinstance(told, str):
            raise TypeError("neither a text nor seconds since 1970")
        try:
            return parse_time(told)
        except ValueError:
            return read_wall_clock(told, self._zone_info, received_ms)


def _list_filters(source: Source) -> Sequence[str]:
    """Return the topic filters to subscribe to."""
    return [make_filter(one) for one in _list_patterns(source)]


FORMAT = Format(
    title="Tasmota",
    root=_TELEMETRY,
    is_lossless=False,
    is_partial=True,
    traits=Traits(own=frozenset({"Time", "*.Id", "StatusSNS.Time", "StatusSNS.*.Id", "StatusSTS.Time"})),
    open=_Interpreter,
    list_filters=_list_filters,
)


def _open(payload: bytes, wrapper: str) -> dict[str, Any]:
    """Return an object that may be the one member of another."""
    whole = read_object(payload)
    return Part(whole).struct(wrapper) if wrapper in whole else whole


def _read_will(address: str, payload: bytes) -> Event:
    """Return whether a device is there; an empty payload removes what was retained of one that is not used any more."""
    if not payload:
        return Event(EventKind.OTHER, address, "LWT is no more retained")
    kind = _STATES.get(payload.decode(errors="replace").lower())
    if kind is None:
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, "the payload of LWT is neither Online nor Offline")
    return Event(kind, address)


def _read_relay(address: str, word: str, payload: bytes) -> Heard:
    if not payload:
        return Heard(events=(Event(EventKind.OTHER, address, f"{word} is no more retained"),))
    try:
        return Heard((Said(address, {word: payload.decode()}),))
    except UnicodeDecodeError as error:
        raise CodecError(Reason.INVALID_UTF8, f"byte {error.start} is not UTF-8") from None


def _name_by_id(whole: Mapping[str, Any]) -> dict[str, Plain]:
    """Return the values of sensors that have an Id, by that instead of their number."""
    named: dict[str, Plain] = {}
    for block, inner in whole.items():
        identifier = inner.get("Id") if isinstance(inner, dict) else None
        if isinstance(identifier, str) and identifier:
            driver = _NUMBER.sub("", block)
            values = flatten({name: value for name, value in inner.items() if name != "Id"})
            named |= {f"{driver}.{identifier}.{name}": value for name, value in values.items()}
    return named


def _find_units(whole: Part, members: Mapping[str, Plain]) -> dict[str, str]:
    """Return the units that the message tells; one that is not known stays as it is, and is refused with the value."""
    temperature, pressure = whole.text("TempUnit"), whole.text("PressureUnit")
    units: dict[str, str] = {}
    for name in members:
        last = name.rpartition(".")[2]
        if temperature and _TEMPERATURE.fullmatch(last):
            units[name] = _TEMPERATURE_UNITS.get(temperature, temperature)
        elif pressure and _PRESSURE.fullmatch(last):
            units[name] = _PRESSURE_UNITS.get(pressure, pressure)
    return units


def _describe(address: str, info: Part) -> Event:
    told = f"{info.text('Module')} {info.text('Version')}".strip()
    return Event(EventKind.DESCRIBED, address, shorten(told), {"model": info.text("Module")})
