"""Cold room for food in a kitchen: opened at meals, defrosted three times a day, and left ajar at times."""

from simulators.model import Model, Sensor, Surroundings, Values, discharge
from simulators.refrigeration import Cabinet, Refrigeration

CABINET = Cabinet(
    setpoint=(1.9, 2.8),
    swing=0.5,
    cycle_min=(18.0, 34.0),
    defrost=1.0,
    open_h=1.0,
    stopped_h=9.0,
    cooling_h=0.35,
)


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the cold room's Sensor."""
    cold, battery = Refrigeration(surroundings, CABINET), surroundings.key("battery")

    def sense(time_ms: int) -> Values:
        return {
            "temperature": round(cold.temperature(time_ms), 2),
            "door_open": cold.is_open(time_ms),
            "battery": discharge(battery, time_ms),
        }

    return sense


MODEL = Model(prepare)
