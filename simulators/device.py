"""SimulatedDevice: a Device of the inventory with a model behind it, and the choice of which devices a fleet has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ingest.codec import Observation
from ingest.codecs.native import CODEC
from ingest.inventory import Device, Inventory, Placement
from schemas.device_type import Clock, DeviceType
from simulators.errors import FleetError
from simulators.faults import is_fault, spoil
from simulators.model import Model, Sensor, Surroundings
from simulators.noise import derive_key
from simulators.publisher import Outgoing
from simulators.spread import spread
from simulators.weather import Weather

RECORDINGS = "recordings"
"""Category of the sites whose devices are replayed, not simulated."""


class SimulatedDevice:
    """What stands in for one sensor. Pure: the time gives the message.

    Args:
        device: From the inventory.
        device_type: Of it.
        model: Of the DeviceType.
        inventory: Holds the sites.
        weather: The town's, with the fleet's seed.
        prefix: Beginning of every topic.
    """

    def __init__(
        self,
        device: Device,
        device_type: DeviceType,
        model: Model,
        inventory: Inventory,
        weather: Weather,
        prefix: str,
    ) -> None:
        self.device = device
        self.device_type = device_type
        self._model = model
        self._inventory = inventory
        self._weather = weather
        self._prefix = prefix
        self._fault_key = derive_key(weather.seed, device.id, "faults")
        self._sensors: dict[Placement, Sensor] = {}

    @property
    def id(self) -> str:
        """The Device's id, which is also its account."""
        return self.device.id

    @property
    def has_clock(self) -> bool:
        """Whether its readings carry a time of their own."""
        return self.device_type.clock is Clock.DEVICE

    @property
    def interval_ms(self) -> int:
        """How often a healthy device of its type reports."""
        return round(self.device_type.interval.total_seconds() * 1000)

    def is_faulty(self, seq: int, share: float) -> bool:
        """Whether this message is to be bad when a share of all is."""
        return is_fault(self._fault_key, seq, share)

    def warm_up(self, time_ms: int) -> None:
        """Sum its registers up to a moment, which takes some milliseconds the first time."""
        self.make_message(time_ms, 0)

    def make_message(
        self, time_ms: int, seq: int, *, since_ms: int | None = None, faulty: bool = False
    ) -> Outgoing | None:
        """Return the message of a moment; None while the device is not placed anywhere.

        Args:
            time_ms: Event time.
            seq: Its sequence number.
            since_ms: Event time of the message before, from which counters count; None for an interval earlier.
            faulty: Make it bad input instead.

        Raises:
            TooEarlyError: The moment is before the first simulated day.
        """
        placement = self.device.find_placement(time_ms)
        if placement is None:
            return None
        before_ms = time_ms - self.interval_ms if since_ms is None else since_ms
        values = self._model.observe(self._find_sensor(placement), before_ms, time_ms)
        observation = Observation(values, time_ms if self.has_clock else None, seq, simulated=True)
        payload = spoil(self._fault_key, observation, self.device_type) if faulty else CODEC.encode(observation)
        return Outgoing(name_topic(self._prefix, placement.site, self.id), payload, seq)

    def _find_sensor(self, placement: Placement) -> Sensor:
        sensor = self._sensors.get(placement)
        if sensor is None:
            site = self._inventory.sites[placement.site]
            surroundings = Surroundings(self.id, site, placement.zone, self._weather.seed, self._weather)
            sensor = self._sensors[placement] = self._model.prepare(surroundings)
        return sensor


def name_topic(prefix: str, site: str, device: str) -> str:
    """Return the topic of a device's readings."""
    return f"{prefix}/{site}/{device}/reading"


def choose_devices(inventory: Inventory, models: Mapping[str, Model], count: int | None, now_ms: int) -> list[Device]:
    """Return the devices of a fleet: those that are placed now and have a model, types mixed from the start.

    Args:
        inventory: What is installed; sites of recordings are left out.
        models: By the key of the DeviceType.
        count: How many; None for all.
        now_ms: Present time.

    Raises:
        FleetError: The inventory has fewer, or none.
    """
    groups: dict[str, list[Device]] = defaultdict(list)
    for device in inventory.devices.values():
        placement = device.find_placement(now_ms)
        if placement and device.type_key in models and inventory.sites[placement.site].category != RECORDINGS:
            groups[device.type_key].append(device)
    found = spread(groups)
    if not found:
        raise FleetError("the inventory has no device that can be simulated; `gjovik town` makes one that has")
    if count is not None and count > len(found):
        raise FleetError(
            f"the inventory has {len(found)} devices that can be simulated, not {count}; "
            f"`gjovik town --devices {count} FOLDER` makes one that has"
        )
    return found[:count]


def make_fleet(
    devices: Sequence[Device],
    inventory: Inventory,
    types: Mapping[str, DeviceType],
    models: Mapping[str, Model],
    seed: int,
    prefix: str,
) -> list[SimulatedDevice]:
    """Return what stands in for devices.

    Args:
        devices: From the inventory, each of a type that has a model.
        inventory: Holds the sites.
        types: DeviceTypes by key.
        models: By the key of the DeviceType.
        seed: Of the fleet.
        prefix: Beginning of every topic.
    """
    weather = Weather(seed)
    return [
        SimulatedDevice(device, types[device.type_key], models[device.type_key], inventory, weather, prefix)
        for device in devices
    ]
