"""Subscriptions to topics of Sources."""

from collections.abc import Sequence

from ingest.mqtt_error import SubscribeRefused
from ingest.mqtt_protocol import NARROW, WIDE, Connection
from ingest.topic_filter import is_wide


async def subscribe_sources(connection: Connection, filters: Sequence[str]) -> None:
    """Subscribe to topics of Sources, those apart that begin with a wildcard: they may have some of another's.

    Raises:
        SubscribeRefused: The broker refuses one; the others are subscribed to.
        ConnectionLost: The connection ends.
    """
    refused: list[SubscribeRefused] = []
    for number, some in (
        (NARROW, [one for one in filters if not is_wide(one)]),
        (WIDE, [one for one in filters if is_wide(one)]),
    ):
        if some:
            try:
                await connection.subscribe(some, always_retained=True, subscription_id=number)
            except SubscribeRefused as error:
                refused.append(error)
    if refused:
        raise refused[0]
