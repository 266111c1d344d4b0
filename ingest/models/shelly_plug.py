"""Shelly plug, or relay of one channel that measures: Plus Plug S, 1PM, Mini 1PM; PM Mini has no relay.

Its register is in Wh. Where a relay has several channels each needs a device of its own, and this takes the first.
"""

from ingest.model import Model, ModelExample, Take


def _take_channel(component: str) -> dict[str, Take]:
    return {
        f"{component}.apower": Take("power", "W"),
        f"{component}.aenergy.total": Take("energy", "W.h"),
        f"{component}.voltage": Take("voltage", "V"),
        f"{component}.current": Take("current", "A"),
        f"{component}.freq": Take("frequency", "Hz"),
        f"{component}.pf": Take("power_factor"),
        f"{component}.output": Take("on"),
        f"{component}.temperature.tC": Take("temperature", "Cel"),
    }


MODEL = Model(
    title="Shelly plug",
    device_type="smart_plug",
    formats=("shelly",),
    takes={**_take_channel("switch:0"), **_take_channel("pm1:0")},
    hints=("shellyplusplugs", "shellyplugsg3", "shellyplus1pm", "shelly1pmg3", "shelly1pmminig3", "shellypmminig3"),
    examples=(
        ModelExample(
            members={
                "switch:0.aenergy.by_minute.0": 0.0,
                "switch:0.aenergy.minute_ts": 1707326934,
                "switch:0.aenergy.total": 110.046,
                "switch:0.apower": 0.0,
                "switch:0.current": 0.0,
                "switch:0.output": False,
                "switch:0.source": "WS_in",
                "switch:0.temperature.tC": 30.3,
                "switch:0.temperature.tF": 86.6,
                "switch:0.voltage": 232.8,
            },
            fields="power=0.0,energy=0.110046,voltage=232.8,current=0.0,on=false,temperature=30.3",
            origin="recorded: fixture of aioshelly",
        ),
        ModelExample(
            members={"switch:0.output": True, "switch:0.source": "button"},
            fields="on=true",
            origin="Shelly's documentation, Notifications: what changed only",
        ),
        ModelExample(
            members={"switch:0.apower": 8.9, "switch:0.errors": None, "switch:0.temperature.tC": None},
            fields="power=8.9",
            origin="made by hand: what vanished is null",
        ),
    ),
)
