"""Medicine refrigerator: between 2 and 8 degrees, unless its door is left ajar."""

from simulators.model import Model, Sensor, Surroundings, Values, discharge
from simulators.refrigeration import Cabinet, Refrigeration

CABINET = Cabinet(
    setpoint=(4.4, 5.2),
    swing=0.5,
    cycle_min=(16.0, 28.0),
    defrost=0.0,
    open_h=0.9,
    stopped_h=5.0,
    cooling_h=0.3,
)


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the refrigerator's Sensor."""
    cold, battery = Refrigeration(surroundings, CABINET), surroundings.key("battery")

    def sense(time_ms: int) -> Values:
        return {
            "temperature": round(cold.temperature(time_ms), 2),
            "door_open": cold.is_open(time_ms),
            "battery": discharge(battery, time_ms),
        }

    return sense


MODEL = Model(prepare)
