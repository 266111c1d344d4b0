"""Freezer for food: colder than it must be, defrosted three times a day; a worn one thaws when its compressor stops."""

from simulators.model import Model, Sensor, Surroundings, Values, discharge
from simulators.refrigeration import Cabinet, Refrigeration

CABINET = Cabinet(
    setpoint=(-22.5, -20.5),
    swing=0.8,
    cycle_min=(22.0, 45.0),
    defrost=1.2,
    open_h=4.0,
    stopped_h=16.0,
    cooling_h=0.8,
)


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the freezer's Sensor."""
    cold, battery = Refrigeration(surroundings, CABINET), surroundings.key("battery")

    def sense(time_ms: int) -> Values:
        return {"temperature": round(cold.temperature(time_ms), 2), "battery": discharge(battery, time_ms)}

    return sense


MODEL = Model(prepare)
