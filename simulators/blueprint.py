"""Blueprints: the sites of one district of the example town, with what is fitted in them. All of it is made up."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import NamedTuple


class System(NamedTuple):
    """How devices of a DeviceType are named.

    Attributes:
        word: In their id.
        location: In their TFM code.
        system: System and its number in the TFM code (NS 3451).
        component: Letters of the component in the TFM code.
    """

    word: str
    location: str
    system: str
    component: str


SYSTEMS: Mapping[str, System] = {
    "air_quality": System("luft", "V", "760.001", "RY"),
    "cold_room": System("kjol", "A", "351.001", "RT"),
    "cycle_pedestrian_counter": System("sykkel", "V", "750.001", "RX"),
    "electricity_meter": System("strom", "A", "433.001", "OE"),
    "freezer": System("frys", "A", "352.001", "RT"),
    "gateway": System("gateway", "A", "522.001", "UX"),
    "heat_meter": System("varme", "A", "320.001", "OE"),
    "indoor_climate": System("klima", "A", "360.001", "RT"),
    "manhole_level": System("kum", "W", "732.001", "RN"),
    "medicine_refrigerator": System("medisin", "A", "353.001", "RT"),
    "river_level": System("elv", "V", "790.001", "RN"),
    "road_weather": System("vaer", "V", "760.001", "RT"),
    "street_light": System("lys", "V", "744.001", "UB"),
    "traffic_counter": System("trafikk", "V", "750.001", "RF"),
    "waste_bin": System("avfall", "V", "770.001", "RN"),
    "water_meter": System("vann", "W", "731.001", "OV"),
}
"""By the key of the DeviceType."""
GATEWAY = "gateway"
LORAWAN = frozenset(
    {
        "cold_room",
        "freezer",
        "indoor_climate",
        "manhole_level",
        "medicine_refrigerator",
        "river_level",
        "waste_bin",
        "water_meter",
    }
)
"""DeviceTypes whose devices run on a battery and are heard through a gateway."""


class Fitting(NamedTuple):
    """One device to be placed.

    Attributes:
        type_key: Its DeviceType.
        zone: Its Zone.
    """

    type_key: str
    zone: str


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a site is built after.

    Attributes:
        key: Of the Site in the first district.
        title: Likewise.
        category: Of the Site.
        latitude: Degrees north, about.
        longitude: Degrees east, about.
        area_m2: Heated floor area, about; None where it is no building.
        hours: Days, opening and closing time.
        zones: Titles by key.
        fittings: Devices.
        gateway: Key of the Blueprint at which the gateway stands that hears it.
    """

    key: str
    title: str
    category: str
    latitude: float
    longitude: float
    area_m2: float | None
    hours: tuple[tuple[str, str, str], ...]
    zones: Mapping[str, str]
    fittings: tuple[Fitting, ...]
    gateway: str = "radhuset"


def _fit(type_key: str, count: int, *zones: str) -> tuple[Fitting, ...]:
    """Return devices of one type, dealt out over zones."""
    return tuple(Fitting(type_key, zone) for zone in islice(cycle(zones), count))


BUILDING_WATER = System("vann", "A", "310.001", "OV")
"""A water meter in a building; the others are of supply zones."""


def find_system(type_key: str, blueprint: "Blueprint") -> System:
    """Return how devices of a type are named at a site."""
    return BUILDING_WATER if type_key == "water_meter" and blueprint.area_m2 is not None else SYSTEMS[type_key]


def _meter(*, district_heat: bool = True, fans: bool = True) -> tuple[Fitting, ...]:
    """Return the meters of a building."""
    return (
        _fit("electricity_meter", 1, "hovedtavle")
        + _fit("water_meter", 1, "vanninntak")
        + (_fit("electricity_meter", 1, "ventilasjon") if fans else ())
        + (_fit("heat_meter", 1, "varmesentral") if district_heat else ())
    )


_PLAIN = {"hovedtavle": "Hovedtavle", "vanninntak": "Vanninntak"}
_TECHNICAL = _PLAIN | {"ventilasjon": "Ventilasjon", "varmesentral": "Varmesentral"}
_CLASSROOMS = {f"klasserom-{floor}0{room}": f"Klasserom {floor}0{room}" for floor in (1, 2) for room in (1, 2, 3, 4)}
_SCHOOL = _CLASSROOMS | {"gymsal": "Gymsal", "personalrom": "Personalrom"}
_FLOORS = {f"{floor}-etasje": f"{floor}. etasje" for floor in (1, 2, 3, 4)}
_WARDS = {f"avdeling-{ward}": f"Avdeling {ward.upper()}" for ward in "abcd"}
_COLD = {"kjolerom": "Kjølerom", "fryserom": "Fryserom"}
_STREETS = {
    street: street.capitalize() for street in ("storgata", "kirkegata", "parkgata", "jernbanegata", "strandgata")
}
_PATHS = {"nord": "Promenaden nord", "midt": "Promenaden midt", "sor": "Promenaden sør", "bru": "Gangbrua"}
_STRETCH = {"nord": "Strekning nord", "bakken": "Bakken", "krysset": "Krysset", "sor": "Strekning sør"}
_SUPPLY = {f"sone-{number:02}": f"Vannsone {number}" for number in range(1, 13)}

BLUEPRINTS: tuple[Blueprint, ...] = (
    Blueprint(
        "radhuset",
        "Rådhuset",
        "office",
        60.7955,
        10.6915,
        8400.0,
        (("mon-fri", "07:00", "16:30"),),
        _FLOORS | {"serverrom": "Serverrom"} | _TECHNICAL | {"tak": "Tak"},
        _fit("indoor_climate", 13, *_FLOORS)
        + _fit("indoor_climate", 1, "serverrom")
        + _meter()
        + _fit("gateway", 1, "tak"),
    ),
    Blueprint(
        "sentrum-barneskole",
        "Sentrum barneskole",
        "school",
        60.7990,
        10.6860,
        5200.0,
        (("mon-fri", "07:15", "16:00"),),
        _SCHOOL | _TECHNICAL | {"kantine": "Kantine"},
        _fit("indoor_climate", 12, *_SCHOOL) + _meter() + _fit("cold_room", 1, "kantine"),
    ),
    Blueprint(
        "vestre-ungdomsskole",
        "Vestre ungdomsskole",
        "school",
        60.7920,
        10.6690,
        7600.0,
        (("mon-fri", "07:30", "16:00"), ("mon-thu", "17:30", "21:30")),
        _SCHOOL | _TECHNICAL,
        _fit("indoor_climate", 12, *_SCHOOL) + _meter(),
    ),
    Blueprint(
        "skogly-barnehage",
        "Skogly barnehage",
        "kindergarten",
        60.8050,
        10.6790,
        1150.0,
        (("mon-fri", "06:45", "16:45"),),
        {"avdeling-rev": "Avdeling Rev", "avdeling-elg": "Avdeling Elg", "fellesrom": "Fellesrom"}
        | _PLAIN
        | {"kjokken": "Kjøkken"},
        _fit("indoor_climate", 5, "avdeling-rev", "avdeling-elg", "fellesrom")
        + _meter(district_heat=False, fans=False)
        + _fit("cold_room", 1, "kjokken")
        + _fit("freezer", 1, "kjokken"),
        gateway="solbakken-sykehjem",
    ),
    Blueprint(
        "solbakken-sykehjem",
        "Solbakken sykehjem",
        "nursing_home",
        60.8015,
        10.6720,
        9800.0,
        (),
        _WARDS | {"kjokken": "Kjøkken"} | _TECHNICAL | _COLD | {"medisinrom": "Medisinrom", "tak": "Tak"},
        _fit("indoor_climate", 12, *_WARDS, "kjokken")
        + _meter()
        + _fit("cold_room", 2, "kjolerom", "kjokken")
        + _fit("freezer", 2, "fryserom", "kjokken")
        + _fit("medicine_refrigerator", 2, "medisinrom")
        + _fit("gateway", 1, "tak"),
        gateway="solbakken-sykehjem",
    ),
    Blueprint(
        "idrettshallen",
        "Idrettshallen",
        "sports_hall",
        60.7890,
        10.6780,
        4300.0,
        (("mon-fri", "08:00", "22:30"), ("sat,sun", "09:00", "20:00")),
        {"hall": "Hallen", "styrkerom": "Styrkerom", "garderober": "Garderober"} | _TECHNICAL,
        _fit("indoor_climate", 4, "hall", "styrkerom", "garderober") + _meter(),
    ),
    Blueprint(
        "svommehallen",
        "Svømmehallen",
        "swimming_hall",
        60.7935,
        10.6825,
        3600.0,
        (("mon-fri", "06:30", "21:00"), ("sat,sun", "10:00", "17:00")),
        {"basseng": "Basseng", "terapibasseng": "Terapibasseng", "garderober": "Garderober"} | _TECHNICAL,
        _fit("indoor_climate", 4, "basseng", "terapibasseng", "garderober") + _meter(),
    ),
    Blueprint(
        "biblioteket",
        "Biblioteket",
        "library",
        60.7962,
        10.6930,
        2700.0,
        (("mon-fri", "10:00", "19:00"), ("sat", "10:00", "15:00")),
        {"utlan": "Utlån", "lesesal": "Lesesal", "barneavdeling": "Barneavdeling"} | _TECHNICAL,
        _fit("indoor_climate", 5, "utlan", "lesesal", "barneavdeling") + _meter(),
    ),
    Blueprint(
        "brannstasjonen",
        "Brannstasjonen",
        "fire_station",
        60.7870,
        10.6880,
        2400.0,
        (),
        {"vognhall": "Vognhall", "vaktrom": "Vaktrom"} | _PLAIN,
        _fit("indoor_climate", 2, "vognhall", "vaktrom") + _meter(district_heat=False, fans=False),
        gateway="driftssentralen",
    ),
    Blueprint(
        "driftssentralen",
        "Driftssentralen",
        "workshop",
        60.7840,
        10.6800,
        3100.0,
        (("mon-fri", "06:30", "15:30"),),
        {"verksted": "Verksted", "kontor": "Kontor"} | _PLAIN | {"mast": "Mast"},
        _fit("indoor_climate", 2, "verksted", "kontor")
        + _meter(district_heat=False, fans=False)
        + _fit("gateway", 1, "mast"),
        gateway="driftssentralen",
    ),
    Blueprint(
        "sentrumsgatene",
        "Sentrumsgatene",
        "street",
        60.7957,
        10.6900,
        None,
        (),
        _STREETS,
        _fit("street_light", 18, *_STREETS)
        + _fit("traffic_counter", 18, *_STREETS)
        + _fit("cycle_pedestrian_counter", 8, *_STREETS)
        + _fit("road_weather", 2, *_STREETS)
        + _fit("air_quality", 2, "storgata", "jernbanegata")
        + _fit("waste_bin", 5, *_STREETS)
        + _fit("manhole_level", 4, *_STREETS),
    ),
    Blueprint(
        "promenaden",
        "Promenaden",
        "park",
        60.7930,
        10.6990,
        None,
        (),
        _PATHS,
        _fit("street_light", 8, *_PATHS)
        + _fit("cycle_pedestrian_counter", 12, *_PATHS)
        + _fit("waste_bin", 6, *_PATHS)
        + _fit("river_level", 2, "bru", "sor"),
    ),
    Blueprint(
        "fylkesvegen",
        "Fylkesvegen",
        "road",
        60.7600,
        10.6500,
        None,
        (),
        _STRETCH,
        _fit("street_light", 10, *_STRETCH)
        + _fit("traffic_counter", 16, *_STRETCH)
        + _fit("road_weather", 6, *_STRETCH)
        + _fit("air_quality", 1, "krysset"),
    ),
    Blueprint(
        "vannforsyningen",
        "Vannforsyningen",
        "water_supply",
        60.7900,
        10.6850,
        None,
        (),
        _SUPPLY,
        _fit("water_meter", 12, *_SUPPLY),
        gateway="driftssentralen",
    ),
)
"""One district."""
