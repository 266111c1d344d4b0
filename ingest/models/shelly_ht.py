"""Shelly H&T, second generation and later: it sleeps, and tells everything when it wakes (``NotifyFullStatus``).

A message with the humidity alone, as ``status_ntf`` makes, is refused: a climate without a temperature is none.
"""

from ingest.model import Model, ModelExample, Take

MODEL = Model(
    title="Shelly H&T",
    device_type="indoor_climate",
    formats=("shelly",),
    takes={
        "temperature:0.tC": Take("temperature", "Cel"),
        "humidity:0.rh": Take("humidity", "%"),
        "devicepower:0.battery.percent": Take("battery", "%"),
        "devicepower:0.battery.V": Take("voltage", "V"),
    },
    hints=("shellyplusht", "shellyhtg3"),
    examples=(
        ModelExample(
            members={
                "temperature:0.tC": 17.6,
                "temperature:0.tF": 63.7,
                "devicepower:0.battery.V": 5.35,
                "devicepower:0.battery.percent": 67,
                "devicepower:0.external.present": False,
                "humidity:0.rh": 63.9,
            },
            fields="temperature=17.6,humidity=63.9,battery=67.0,voltage=5.35",
            origin="recorded: status of an H&T of the third generation",
        ),
        ModelExample(
            members={
                "temperature:0.tC": 19.9,
                "humidity:0.rh": 58.9,
                "devicepower:0.battery.V": None,
                "devicepower:0.battery.percent": None,
            },
            fields="temperature=19.9,humidity=58.9",
            origin="made by hand: powered by USB",
        ),
    ),
)
