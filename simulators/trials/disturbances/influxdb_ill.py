"""InfluxDB, or what stands before it, answers as ill servers do."""

from collections.abc import Sequence
from random import Random

from simulators.testbed.proxy import Answer
from simulators.trials.disturbance import Blow, Disturbance, Size
from simulators.trials.stage import Layout, Stage, wait_until

TIMEOUT_S = 2.0
SLOW = frozenset({"401", "404"})
"""A setting that is wrong is tried again slowly, on purpose."""
ANSWERS = {
    one.name: one
    for one in (
        Answer("500", "500 Internal Server Error", '{"error":"engine: error"}'),
        Answer("503 with Retry-After", "503 Service Unavailable\r\nRetry-After: 1", '{"error":"overloaded"}'),
        Answer("401", "401 Unauthorized", '{"error":"authorization failed"}'),
        Answer("404", "404 Not Found", '{"error":"database not found: \\"sensors\\""}'),
        Answer("413", "413 Request Entity Too Large", '{"error":"Request Entity Too Large"}', early=True),
        Answer("slow", stored=True, wait_s=TIMEOUT_S + 0.5),
        Answer("half an answer", stored=True, cut=True),
        Answer("half an error", "500 Internal Server Error", '{"error":"engine: error"}', cut=True),
    )
}


def plan(random: Random, size: Size) -> Sequence[Blow]:
    """Give every answer, in an order that the seed decides; in the fast tests only those that are tried again soon."""
    given = sorted(ANSWERS.keys() - (SLOW if size.blows < len(ANSWERS) else set()))
    names = random.sample(given, len(given))
    return [Blow((number + 0.5) / (len(names) + 1), name, size.seconds) for number, name in enumerate(names)]


async def strike(stage: Stage, blow: Blow) -> None:
    """Answer one write so, and return when the collector has got over it."""
    proxy = stage.influx_proxy
    if proxy is None:
        return
    proxy.answer_next([ANSWERS[blow.how]])
    await wait_until(lambda: proxy.is_well, f"the collector met {blow.how}")
    stage.calm()
    # Else the waits between its tries grow from blow to blow.
    await wait_until(lambda: bool(stage.read(0, "influx_ok")), f"the collector got over {blow.how}")


DISTURBANCE = Disturbance(
    title="InfluxDB answers 500, 503, 401, 404, 413, slowly, by half",
    plan=plan,
    strike=strike,
    short=Size(messages=1_500, rate=150),
    full=Size(messages=20_000, rate=400, blows=len(ANSWERS)),
    layout=Layout(has_influx_proxy=True, settings={"influx": {"timeout_s": TIMEOUT_S}}),
)
