"""Water-leak detector on a floor or under a pipe; it reports a leak at once, and is heard now and then without one."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Lekkasjevarsler",
    area=Area.BUILDINGS,
    fields={
        "leak": Field("fault", "Lekkasje"),
        "temperature": Field("temperature", "Temperatur", required=False, low=-30.0, high=70.0, sentinels=(85.0,)),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(hours=6),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","leak":true,"temperature":17.2,"humidity":61.5,"battery":92}',
            fields="leak=true,temperature=17.2,humidity=61.5,battery=92.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","leak":false}',
            fields="leak=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","leak":false,"humidity":127.5}',
            fields="leak=false",
            refused={"humidity": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","leak":"leak"}',
            reason=Reason.WRONG_TYPE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":17.2}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
