"""Home Assistant discovery: retained messages by which devices of other formats describe what they tell.

- Topics: ``homeassistant/{component}/[{node}/]{object}/config``, whose payload is JSON or, to take it back, nothing.
- Nothing is measured here: every value that is described is an event, its address the identifier of the device, or the
  object where it tells none. ``ingest.type_proposal`` makes proposals of it.

Source: Home Assistant's documentation, "MQTT", discovery.
"""

from ingest.codec import CodecError
from ingest.payloads.home_assistant import Described, read_discovery
from ingest.payloads.topic_pattern import split_below
from ingest.source import Event, EventKind, Format, Heard, Plain, Source
from ingest.stripping import Traits
from schemas.reason import Reason
from schemas.validation import shorten

_TOPICS = ("state_topic", "stat_t", "unique_id", "uniq_id", "value_template", "val_tpl", "name")


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._root = source.root

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:  # noqa: ARG002 - it tells no times
        """Return what a message says.

        Raises:
            CodecError: Its topic is none of discovery, or its payload describes nothing.
        """
        match split_below(self._root, topic):
            case [component, *_, name, "config"] if component and name:
                if not payload:
                    return Heard(events=(Event(EventKind.OTHER, detail=f"{shorten(name)} was taken back"),))
                described = read_discovery(component, name, payload)
                if not described:
                    return Heard(events=(Event(EventKind.OTHER, detail=f"{shorten(name)} tells no values"),))
                return Heard(events=[_tell(one, name) for one in described])
        expected = f"{self._root}/{{component}}/[{{node}}/]{{object}}/config"
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic is not of the form {expected}")


FORMAT = Format(
    title="Home Assistant discovery",
    root="homeassistant",
    is_lossless=True,
    is_partial=False,
    traits=Traits(
        own=frozenset(
            {"~", "*.identifiers", "*.ids", "*.model", "*.mdl", "*.model_id", "*.mdl_id"}
            | {f"{outer}{name}" for outer in ("", "cmps.*.", "components.*.") for name in _TOPICS}
        )
    ),
    open=_Interpreter,
    list_filters=lambda source: (f"{source.root}/+/+/config", f"{source.root}/+/+/+/config"),
)


def _tell(described: Described, name: str) -> Event:
    product = " ".join(filter(None, (described.maker, described.model)))
    called = " ".join(filter(None, (product, described.name)))
    members: dict[str, Plain] = {
        "topic": described.topic,
        "member": described.member,
        "product": product,
        "component": described.component,
        "unit": described.unit,
        "device_class": described.device_class,
        "state_class": described.state_class,
        "expire_after": described.expire_after_s,
    }
    detail = shorten(f"{described.entity} of {called}" if called else described.entity)
    return Event(EventKind.DESCRIBED, described.device or name, detail, members)
