"""Digital Matter Oyster, Oyster3 and Yabby3, GPS trackers.

Port 1 has a position in eleven bytes, port 4 a coarser one in nine, little endian; ports 2 and 3 answer a
message and count (the maker's decoder in TheThingsNetwork/lorawan-devices; of the successors, which send the same
there, Ducktatorrr/chirpstack-decoders). What an Oyster3 sends on port 33 when it is set to detailed messages could not
be checked, so it is refused; a Yabby Edge finds its place by Wi-Fi and is another product. After a fix that failed,
position, speed and heading are those of the last one that did not: then only whether it moves and its battery are
taken.
"""

from collections.abc import Mapping, Sequence

from ingest.frames.broken_frame import expect_size, refuse
from ingest.frames.octets import Octets
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame, Plain

_FINE, _COARSE = 1, 4
_OF_NO_INTEREST = (2, 3)
_SIZES: Mapping[int, int] = {_FINE: 11, _COARSE: 9}
_IN_TRIP, _FIX_FAILED = 0x01, 0x02
_WHERE = ("latitudeDeg", "longitudeDeg", "headingDeg", "speedKmph")


def _decode(frame: Frame) -> Sequence[Decoded]:
    if frame.port in _OF_NO_INTEREST:
        return []
    if frame.port not in _SIZES:
        refuse(frame, f"nothing is known of port {frame.port}")
    expect_size(frame, _SIZES[frame.port])
    octets = Octets(frame.body)
    members = _read_fine(octets) if frame.port == _FINE else _read_coarse(octets)
    _forget_cached(members, {})
    return [Decoded(members)]


def _read_fine(octets: Octets) -> dict[str, Plain]:
    latitude, longitude = (octets.take("<i") / 1e7 for _ in range(2))
    flags, speed, battery = (octets.take("<B") for _ in range(3))
    return _name(latitude, longitude, (flags >> 2) * 5.625, speed, battery, flags)


def _read_coarse(octets: Octets) -> dict[str, Plain]:
    latitude, longitude = (round(int.from_bytes(octets.cut(3), "little", signed=True) * 256 / 1e7, 7) for _ in range(2))
    course, battery, flags = (octets.take("<B") for _ in range(3))
    return _name(latitude, longitude, (course & 0x07) * 45.0, (course >> 3) * 5, battery, flags)


def _name(latitude: float, longitude: float, heading: float, speed: int, battery: int, flags: int) -> dict[str, Plain]:
    return {
        "latitudeDeg": latitude,
        "longitudeDeg": longitude,
        "headingDeg": heading,
        "speedKmph": speed,
        "batV": round(battery * 0.025, 3),
        "inTrip": bool(flags & _IN_TRIP),
        "fixFailed": bool(flags & _FIX_FAILED),
    }


def _forget_cached(members: dict[str, Plain], _: Mapping[str, float]) -> None:
    if members.get("fixFailed"):
        for name in _WHERE:
            members.pop(name, None)


MODEL = Model(
    title="Digital Matter Oyster",
    device_type="asset_tracker",
    formats=("tts", "chirpstack"),
    decode=_decode,
    complete=_forget_cached,
    takes={
        "latitudeDeg": Take("latitude", "deg"),
        "longitudeDeg": Take("longitude", "deg"),
        "speedKmph": Take("speed", "km/h"),
        "headingDeg": Take("heading", "deg"),
        "inTrip": Take("moving"),
        "batV": Take("voltage", "V"),
    },
    hints=("oyster", "oyster-lorawan", "oyster3", "yabby3"),
    examples=(
        ModelExample(
            frame=(1, "0030EDEC003224450000DE"),
            fields="latitude=-32.0,longitude=116.0,speed=0.0,heading=0.0,moving=false,voltage=5.55",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(1, "85A8C5EBD8763F0B0301BE"),
            fields="moving=true,voltage=4.75",
            origin="TheThingsNetwork/lorawan-devices: the fix failed",
        ),
        ModelExample(
            frame=(4, "953C242A5F0645C802"),
            fields="moving=false,voltage=5.0",
            origin="made by hand: the fix failed",
        ),
        ModelExample(
            frame=(4, "953C242A5F0645C801"),
            fields="latitude=60.795008,longitude=10.6899968,speed=40.0,heading=225.0,moving=true,voltage=5.0",
            origin="made by hand",
        ),
        ModelExample(
            members={
                "type": "position",
                "inTrip": True,
                "fixFailed": True,
                "batV": 4.75,
                "cached.latitudeDeg": -33.9367803,
                "cached.longitudeDeg": 18.8708568,
                "cached.speedKmph": 1,
            },
            fields="moving=true,voltage=4.75",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it: the fix failed",
        ),
        ModelExample(
            members={"fixFailed": True, "latitudeDeg": -33.9367803, "longitudeDeg": 18.8708568, "batV": 4.75},
            fields="voltage=4.75",
            origin="made by hand: a decoder that does not set the last position apart",
        ),
    ),
)
