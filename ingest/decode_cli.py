"""``gjovik decode``: what one payload becomes, with every verdict. It connects to nothing and writes nothing.

Exit codes: 0 accepted, or there was nothing to refuse; 1 something was refused; 2 wrong usage.
"""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from devices import load_device_types
from ingest.codecs import NATIVE, load_formats
from ingest.collector import read_clock
from ingest.command_line import PROBLEM, AsJson, explained_errors, print_json, read_moment, refuse_nul
from ingest.decode import (
    Decoding,
    Moment,
    Told,
    choose_model,
    decode_frame,
    decode_message,
    decode_native,
)
from ingest.decode_view import (
    MEMBER_HEADINGS,
    ROW_HEADINGS,
    count_verdicts,
    render_choice,
    render_members,
    render_refusal,
    render_row,
    render_said,
    render_time,
    render_value,
    to_plain,
)
from ingest.input_file import read_input
from ingest.known_names import describe_unknown
from ingest.local_time import LOCAL
from ingest.model import Model
from ingest.models import load_models
from ingest.parameter_option import ParameterOption, read_parameters
from ingest.plain_model import PREFIX
from ingest.printed_table import make_visible, print_table
from ingest.request import WrongRequestError
from ingest.sample_topic import find_sample_topic
from ingest.source import Frame, Source

MOST_BYTES = 16 * 1024 * 1024
"""More than any message; a file that never ends is not read to its end."""

_NOT_IN_TOPIC = frozenset("+#\0")

FileArgument = Annotated[
    Path | None,
    typer.Argument(callback=refuse_nul, help="File of the payload, byte for byte; - is standard input."),
]
SourceOption = Annotated[
    str | None, typer.Option(help="Format that it is in, such as tts; native is the platform's own.")
]
TopicOption = Annotated[
    str | None, typer.Option(help="Topic that it came on; one of the format's documentation when left out.")
]
TypeOption = Annotated[
    str | None, typer.Option("--type", help="Device type whose field names it has, as native payloads do.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(help="Model of the device; guessed when left out, where the payload names the product."),
]
PortOption = Annotated[
    int | None, typer.Option(min=0, max=255, help="FPort of a LoRaWAN frame alone; without --source.")
]
HexOption = Annotated[str | None, typer.Option("--hex", help="The payload in hexadecimal digits, instead of a file.")]
RootOption = Annotated[
    str | None, typer.Option(help="Beginning of the source's topics, where it is not the usual one.")
]
PatternOption = Annotated[
    list[str] | None, typer.Option(help="Pattern of the source's topics, such as bygg/{address}/{member}.")
]
ReceivedOption = Annotated[
    str | None, typer.Option(help="When it was received, in Oslo or RFC 3339; now when left out.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("decode")(decode)


def decode(  # noqa: PLR0913 - a command has as many parameters as it has options
    file: FileArgument = None,
    *,
    source: SourceOption = None,
    topic: TopicOption = None,
    type_key: TypeOption = None,
    model: ModelOption = None,
    parameter: ParameterOption = None,
    port: PortOption = None,
    hexadecimal: HexOption = None,
    root: RootOption = None,
    pattern: PatternOption = None,
    received: ReceivedOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what one payload becomes: what its format says, then each field with its verdict, then the line.

    Nothing is looked up in the inventory, so the line has ? for device, site and zone.

    gjovik decode --source tts --model milesight_am319 uplink.json

    gjovik decode --model milesight_am319 --port 85 --hex 0367340104686505000106CB02

    Exit code 1 if something is refused.
    """
    with explained_errors(as_json=as_json):
        received_ms = _read_received(received)
        payload = _read_payload(file, hexadecimal)
        parameters = read_parameters(parameter or ())
        found = _find_model(model, type_key, source)
        came = _Came(source, "" if topic is None else topic, is_assumed=False, received_ms=received_ms)
        if source is None:
            _forbid_beside_frame(port, topic, root, pattern, type_key)
            decoding = decode_frame(Frame(port or 0, payload), received_ms, choose_model(found, "", parameters))
        elif port is not None:
            raise WrongRequestError("--port is of a frame alone; with --source the message says the port.")
        elif source == NATIVE:
            decoding = _decode_native(payload, type_key, model, received_ms)
        else:
            opened = _make_source(source, root, pattern or ())
            came = _assume_topic(came, opened, payload)
            decoding = decode_message(opened, came.topic, payload, received_ms, choose_model(found, source, parameters))
    if as_json:
        print_json(came.to_plain() | to_plain(decoding))
    else:
        _print_head(came)
        _print(decoding)
    raise typer.Exit(PROBLEM if decoding.has_refusal else 0)


class _Came(NamedTuple):
    """How a payload came: its Format, empty topic for none, and when."""

    source: str | None
    topic: str
    is_assumed: bool
    received_ms: int

    def to_plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "source": self.source,
            "topic": self.topic or None,
            "topic_assumed": self.is_assumed,
            "received_ms": self.received_ms,
        }


def _assume_topic(came: _Came, source: Source, payload: bytes) -> _Came:
    """Return how a payload came, on a topic that could be where none is told."""
    if came.topic:
        return came
    topic = find_sample_topic(source, payload)
    if not topic:
        raise WrongRequestError(f"Format {source.format_key} has no topic that could be assumed: say --topic.")
    return came._replace(topic=topic, is_assumed=True)


def _read_received(received: str | None) -> int:
    try:
        received_ms = read_moment(received, "--received")
    except typer.BadParameter as error:
        raise WrongRequestError(f"--received: {error}") from None
    return read_clock() if received_ms is None else received_ms


def _read_payload(file: Path | None, hexadecimal: str | None) -> bytes:
    if file is not None and hexadecimal is None:
        return read_input(file, MOST_BYTES)
    if file is not None or hexadecimal is None:
        raise WrongRequestError("Say one payload: a file, - for standard input, or --hex with its digits.")
    try:
        return bytes.fromhex(hexadecimal.replace(":", " "))
    except ValueError:
        raise WrongRequestError("--hex is not pairs of hexadecimal digits, such as 03 67 34 01.") from None


def _find_model(key: str | None, type_key: str | None, source: str | None) -> Model | None:
    """Return the Model that is asked for, by its key or as the one of a DeviceType's own names; None for neither."""
    if key is not None and type_key is not None:
        raise WrongRequestError("Say --model or --type: a model has a type already.")
    if type_key is not None:
        _require("type", type_key, load_device_types())
        return None if source == NATIVE else load_models()[f"{PREFIX}{type_key}"]
    if key is None:
        return None
    _require("model", key, load_models())
    return load_models()[key]


def _require(kind: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise WrongRequestError(describe_unknown(kind, name, known))


def _forbid_beside_frame(port: int | None, *others: object) -> None:
    if port is None:
        formats = ", ".join(sorted((*load_formats(), NATIVE)))
        raise WrongRequestError(f"Say --source ({formats}), or --port of a LoRaWAN frame alone.")
    if any(others):
        raise WrongRequestError("A frame alone has --model and --port; --topic, --root, --pattern, --type say nothing.")


def _decode_native(payload: bytes, type_key: str | None, model: str | None, received_ms: int) -> Decoding:
    if model is not None or type_key is None:
        raise WrongRequestError("A native payload has the names of its device type: say --type, and no --model.")
    return decode_native(payload, load_device_types()[type_key], received_ms)


def _make_source(key: str, root: str | None, patterns: Collection[str]) -> Source:
    """Return a Source of a Format with the topics that are told, or its usual ones."""
    _require("format", key, (*load_formats(), NATIVE))
    if root is not None and (not root or _NOT_IN_TOPIC & set(root)):
        raise WrongRequestError(f"--root {root} must be the beginning of topics, without + and #.")
    for one in patterns:
        segments = one.split("/")
        if _NOT_IN_TOPIC & set(one):
            raise WrongRequestError(f"--pattern {one} must be without + and #; {{address}} stands for them.")
        if segments.count("{address}") != 1 or segments.count("{member}") > 1:
            raise WrongRequestError(f"--pattern {one} must have {{address}} once, and {{member}} once at most.")
    told = tuple(patterns) or (("{address}/{member}",) if key == "plain" else ())
    usual = load_formats()[key].root
    return Source(key=key, format_key=key, root=usual if root is None else root, patterns=told, zone_info=LOCAL)


def _print_head(came: _Came) -> None:
    if came.source is None:
        title = "a LoRaWAN frame alone"
    elif came.source == NATIVE:
        title = "native, the platform's own format"
    else:
        title = f"{came.source}, {load_formats()[came.source].title}"
    topic = f"{came.topic} (assumed; say --topic if it was another)" if came.is_assumed else came.topic
    parts = (("Source", title), ("Topic", topic), ("Received", render_time(came.received_ms)))
    _print_parts((name, value) for name, value in parts if value)


def _print_parts(parts: Iterable[tuple[str, str]]) -> None:
    for name, value in parts:
        typer.echo(f"{name:<10} {make_visible(value)}")


def _print(decoding: Decoding) -> None:
    if decoding.refused is not None:
        _print_parts([("Refused", render_refusal(decoding.refused))])
    for told in decoding.told:
        _print_told(told)
    for event in decoding.events:
        members = ", ".join(f"{name}={render_value(value)}" for name, value in event.members.items())
        shown = " ".join(filter(None, (event.kind, event.address, event.detail, members)))
        _print_parts([("Event", f"{shown} (no reading)")])
    for reply in decoding.replies:
        _print_parts([("Reply", f"{reply.topic} {reply.payload.hex()}")])
    if decoding.refused is None and not (decoding.told or decoding.events):
        typer.echo("It is known, and says nothing.")
    if summary := count_verdicts(decoding):
        typer.echo(f"\nMembers: {summary}.")


def _print_told(told: Told) -> None:
    if told.said is not None:
        typer.echo()
        _print_parts(render_said(told.said))
        if told.said.members:
            print_table(MEMBER_HEADINGS, render_members(told.said))
        _print_parts([("Model", render_choice(told))])
    if told.refused is not None:
        _print_parts([("Refused", render_refusal(told.refused))])
    elif told.model and not told.moments:
        typer.echo("The frame is known, and holds no measurement.")
    for moment in told.moments:
        _print_moment(moment)


def _print_moment(moment: Moment) -> None:
    typer.echo()
    time = "that of the receipt" if moment.time_ms is None else render_time(moment.time_ms)
    _print_parts([("Event time", time)])
    print_table(ROW_HEADINGS, map(render_row, moment.rows))
    if moment.simulated:
        typer.echo("It says that it is simulated: a collector refuses it unless ingest.accept_simulated is set.")
    if moment.refused is not None:
        _print_parts([("Refused", render_refusal(moment.refused))])
    elif moment.line:
        _print_parts([("Line", moment.line)])
    else:
        typer.echo("No field takes anything of it: nothing is stored.")
