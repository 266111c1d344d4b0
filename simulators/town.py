"""Town: an example inventory of any size, as the files that people edit.

Pure: the seed and the number of devices give the texts. The town is made up of districts, each with the same kinds of
sites; a larger town has more districts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from simulators.blueprint import BLUEPRINTS, GATEWAY, LORAWAN, SYSTEMS, Blueprint, Fitting, find_system
from simulators.days import FIRST_DATE
from simulators.errors import TownError
from simulators.noise import derive_key, uniform
from simulators.spread import spread

MOVED, MOVE_DATE = "radhuset-klima-02", date(2026, 3, 2)
"""A sensor that was moved from a Zone to the next one in its building."""
SWAPPED, SWAP_DATE = "sentrum-barneskole-strom-01", date(2026, 5, 11)
"""A meter that took over from one that was taken down."""
FEWEST_DEVICES = len(SYSTEMS)
"""One of each DeviceType."""
RECORDINGS_FILE = "opptak.toml"
NOTICE = """\
# Eksempelby. Stedene, måleinstrumentene og tallene er oppdiktet; ingen av dem beskriver et virkelig bygg.
# An example town, made by `gjovik town`. Nothing in it describes a real building.
"""


@dataclass(frozen=True, slots=True)
class Plot:
    """One site of the town.

    Attributes:
        key: Of the Site.
        title: Of the Site.
        blueprint: What it is built after.
        shift: Which district it is in; 0 is the first.
        gateway: Id of the gateway that hears it; empty where that one was left out.
    """

    key: str
    title: str
    blueprint: Blueprint
    shift: int
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One device with its placements.

    Attributes:
        id: Of the Device.
        type_key: Of its DeviceType.
        component: Its code in the Norwegian TFM form.
        placements: From, to (None while it stands) and Zone.
        gateway: Id of the gateway that hears it; empty where it needs none.
    """

    id: str
    type_key: str
    component: str
    placements: tuple[tuple[date, date | None, str], ...]
    gateway: str = ""


def render_town(devices: int, seed: int) -> dict[str, str]:
    """Return the inventory of an example town.

    Args:
        devices: How many report today; one more was taken down, and those of the recordings come besides.
        seed: Decides areas and coordinates.

    Returns:
        Texts by the name of their file, one file a site.

    Raises:
        TownError: There are too few devices for one of each type.
    """
    if devices < FEWEST_DEVICES:
        raise TownError(f"a town has at least {FEWEST_DEVICES} devices, one of each type, not {devices}")
    fittings = _choose_fittings(devices)
    texts = {
        f"{plot.key}.toml": _render_plot(plot, fittings[plot.key], seed) for plot in _find_gateways(fittings, devices)
    }
    return texts | {RECORDINGS_FILE: render_recordings()}


def _list_plots(devices: int) -> list[Plot]:
    size = sum(len(blueprint.fittings) for blueprint in BLUEPRINTS)
    return [
        Plot(
            _name_plot(blueprint.key, shift),
            f"{blueprint.title} {shift + 1}" if shift else blueprint.title,
            blueprint,
            shift,
        )
        for shift in range(-(-devices // size))
        for blueprint in BLUEPRINTS
    ]


def _name_plot(key: str, shift: int) -> str:
    return f"{key}-{shift + 1}" if shift else key


def _find_gateways(fittings: Mapping[str, list[Fitting]], devices: int) -> Iterator[Plot]:
    """Yield the sites, each with the gateway that hears it where that one is fitted."""
    for plot in _list_plots(devices):
        place = _name_plot(plot.blueprint.gateway, plot.shift)
        is_fitted = any(fitting.type_key == GATEWAY for fitting in fittings.get(place, ()))
        yield replace(plot, gateway=f"{place}-{SYSTEMS[GATEWAY].word}-01" if is_fitted else "")


def _choose_fittings(devices: int) -> Mapping[str, list[Fitting]]:
    """Return what is fitted at each site: all of the first districts, an even part of the last."""
    districts: dict[int, dict[str, list[tuple[str, Fitting]]]] = defaultdict(lambda: defaultdict(list))
    for plot in _list_plots(devices):
        for fitting in plot.blueprint.fittings:
            districts[plot.shift][fitting.type_key].append((plot.key, fitting))
    ordered = [entry for shift in sorted(districts) for entry in spread(districts[shift])]
    chosen: dict[str, list[Fitting]] = defaultdict(list)
    for plot_key, fitting in ordered[:devices]:
        chosen[plot_key].append(fitting)
    return chosen


def _render_plot(plot: Plot, fittings: list[Fitting], seed: int) -> str:
    blueprint, key = plot.blueprint, derive_key(seed, plot.key)
    lines = [
        NOTICE,
        "[[site]]",
        f'key = "{plot.key}"',
        f'title = "{plot.title}"',
        f'category = "{blueprint.category}"',
        f"latitude = {blueprint.latitude + 0.03 * (plot.shift % 20) + uniform(key, 1, -0.0008, 0.0008):.5f}",
        f"longitude = {blueprint.longitude + uniform(key, 2, -0.0008, 0.0008):.5f}",
    ]
    if blueprint.area_m2 is not None:
        lines.append(f"area_m2 = {round(blueprint.area_m2 * uniform(key, 3, 0.9, 1.1), -1):.1f}")
    if blueprint.hours:
        hours = (
            f'{{ days = "{days}", opens = "{opens}", closes = "{closes}" }}' for days, opens, closes in blueprint.hours
        )
        lines.append(f"opening_hours = [ {', '.join(hours)} ]")
    for zone, title in blueprint.zones.items():
        lines += ["", "[[site.zone]]", f'key = "{zone}"', f'title = "{title}"']
    for post in _make_posts(plot, fittings):
        lines += ["", *_render_post(plot, post)]
    return "\n".join(lines) + "\n"


def _make_posts(plot: Plot, fittings: list[Fitting]) -> Iterator[Post]:
    numbers: Counter[str] = Counter()
    zones = list(plot.blueprint.zones)
    for fitting in fittings:
        system = find_system(fitting.type_key, plot.blueprint)
        numbers[system.word] += 1
        number = numbers[system.word]
        post = Post(
            f"{plot.key}-{system.word}-{number:02}",
            fitting.type_key,
            f"+{system.location}={system.system}-{system.component}{number:03}",
            ((FIRST_DATE, None, fitting.zone),),
            plot.gateway if fitting.type_key in LORAWAN else "",
        )
        if post.id == MOVED:
            after = zones[zones.index(fitting.zone) + 1]
            yield replace(post, placements=((FIRST_DATE, MOVE_DATE, fitting.zone), (MOVE_DATE, None, after)))
        elif post.id == SWAPPED:
            yield replace(post, id=f"{post.id}-gammel", placements=((FIRST_DATE, SWAP_DATE, fitting.zone),))
            yield replace(post, placements=((SWAP_DATE, None, fitting.zone),))
        else:
            yield post


def _render_post(plot: Plot, post: Post) -> list[str]:
    placements = [
        f'{{ from = {start}, {f"to = {end}, " if end else ""}site = "{plot.key}", zone = "{zone}" }}'
        for start, end, zone in post.placements
    ]
    joined = f"[ {placements[0]} ]" if len(placements) == 1 else "[\n  " + ",\n  ".join(placements) + ",\n]"
    return [
        "[[device]]",
        f'id = "{post.id}"',
        f'type = "{post.type_key}"',
        f'component = "{post.component}"',
        *([f'gateway = "{post.gateway}"'] if post.gateway else []),
        f"placements = {joined}",
    ]


RECORDINGS = (
    ("opptak-kontor", "indoor_climate", "kontor", "+A=360.001-RT001"),
    ("opptak-fart", "traffic_detector", "veg", "+V=750.001-RF001"),
    ("opptak-belegg", "traffic_detector", "veg", "+V=750.001-RF002"),
    ("opptak-strom", "electricity_interval", "bolig", "+B=433.001-OE001"),
    ("opptak-gass", "gas_interval", "bolig", "+B=310.001-OE001"),
    ("opptak-ute", "outdoor_temperature", "ute", "+U=360.001-RT001"),
)
"""Id, DeviceType, Zone and component code of the devices that recorded series are replayed as."""


def render_recordings() -> str:
    """Return the inventory file of the devices that recorded series are replayed as; it has the whole town's place."""
    lines = [
        "# Opptak: innspilte serier, ikke målinger fra kommunen. `gjovik replay` sender dem inn.",
        "# The placements begin in 2013 because the series do; the place is only somewhere to put them.",
        "",
        "[[site]]",
        'key = "opptak"',
        'title = "Opptak"',
        'category = "recordings"',
        "latitude = 60.79500",
        "longitude = 10.69200",
    ]
    for zone, title in (("kontor", "Kontor"), ("veg", "Veg"), ("bolig", "Bolig"), ("ute", "Ute")):
        lines += ["", "[[site.zone]]", f'key = "{zone}"', f'title = "{title}"']
    for device, type_key, zone, component in RECORDINGS:
        lines += [
            "",
            "[[device]]",
            f'id = "{device}"',
            f'type = "{type_key}"',
            f'component = "{component}"',
            f'placements = [ {{ from = 2013-01-01, to = 2024-01-01, site = "opptak", zone = "{zone}" }} ]',
        ]
    return "\n".join(lines) + "\n"
