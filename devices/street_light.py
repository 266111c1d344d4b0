"""Street-light controller of a circuit: on or off, dimming, power and energy.

Controllers of this kind keep no clock across a power cut, so the time of a reading is when it was received.
"""

from datetime import timedelta

from schemas.device_type import Area, Clock, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Gatelysstyring",
    area=Area.INFRASTRUCTURE,
    fields={
        "on": Field("switch", "Lyset er på"),
        "dimming": Field("dimming", "Lysnivå", required=False),
        "power": Field("power", "Effekt", low=0.0, high=100_000.0),
        "energy": Field("energy", "Målerstand", required=False),
        "burning_hours": Field("duration", "Brenntid", required=False),
        "fault": Field("fault", "Feil", required=False),
    },
    interval=timedelta(minutes=15),
    privacy=Privacy.PUBLIC,
    clock=Clock.RECEIVED,
    examples=(
        Example(
            payload='{"on":true,"dimming":70,"power":412.5,"energy":20311.9,"burning_hours":14120,"fault":false}',
            fields="on=true,dimming=70.0,power=412.5,energy=20311.9,burning_hours=14120.0,fault=false",
        ),
        Example(payload='{"on":false,"power":0}', fields="on=false,power=0.0"),
        Example(payload='{"on":1,"power":412.5}', reason=Reason.WRONG_TYPE),
        Example(payload='{"on":"true","power":412.5}', reason=Reason.WRONG_TYPE),
        Example(
            payload='{"on":true,"power":412.5,"dimming":170}',
            fields="on=true,power=412.5",
            refused={"dimming": Reason.OUT_OF_RANGE},
        ),
    ),
)
