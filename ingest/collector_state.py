"""The collector's own state at the broker: retained, and changed by the broker itself when the collector is gone. Pure.

::

    <prefix>/collectors/<account>/state
    {"state": "running", "collector": "collector", "time": "2026-01-15T06:00:00.000Z"}

    running   it is connected and its subscriptions are granted
    stopped   it was stopped in order, and nobody need be told
    lost      it has been gone for ``mqtt.lost_after_s``: the broker publishes it, as the last will of the connection

The last will is what CONNECT leaves at the broker (MQTT 5.0, section 3.1.2.5); its delay (3.1.3.2.2) keeps a mere
reconnection from being told. It dies with the broker, so whoever watches must also watch the broker from outside.
"""

import json
from enum import StrEnum

from ingest.event_time import format_time


class CollectorState(StrEnum):
    """Whether there is somebody who takes readings."""

    RUNNING = "running"
    STOPPED = "stopped"
    LOST = "lost"


def format_state_topic(prefix: str, collector: str) -> str:
    """Return the topic under which a collector's state is retained.

    Args:
        prefix: Beginning of every topic.
        collector: Its account.
    """
    return f"{prefix}/collectors/{collector}/state"


def format_state(state: CollectorState, collector: str, time_ms: int) -> bytes:
    """Return a collector's state as JSON.

    Args:
        state: What it is.
        collector: Its account.
        time_ms: When the collector said it, milliseconds since 1970 in UTC. Of ``LOST`` it is when the connection that
            was lost began: the broker gives back what it was given then.
    """
    return json.dumps({"state": state, "collector": collector, "time": format_time(time_ms)}).encode()
