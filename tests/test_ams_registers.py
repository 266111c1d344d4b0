"""AMS readers: which hour the registers are of, and what the meter's own clock says of it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ingest.event_time import format_time, parse_time
from ingest.local_time import LOCAL
from ingest.payloads.ams import find_hour
from ingest.source import EventKind, Heard, Interpreter
from tests.lorawan_payloads import change
from tests.test_format_ams import HOURLY, LIST_3, REGISTERS, hear, only, open_interpreter


@pytest.fixture
def interpreter() -> Interpreter:
    return open_interpreter()


def test_registers_belong_to_the_hour_that_ended(interpreter: Interpreter) -> None:
    registers, rest = hear(interpreter, HOURLY).said
    assert (registers.members, format_time(registers.time_ms or 0)) == (REGISTERS, "2026-09-26T16:00:00.000Z")
    assert (rest.members["P"], format_time(rest.time_ms or 0)) == (1028, "2026-09-26T16:00:10.000Z")
    assert not REGISTERS.keys() & rest.members.keys()
    assert registers.model == rest.model == "AIDON_V0001/6525"


def test_registers_that_are_read_in_between_belong_to_their_moment(interpreter: Interpreter) -> None:
    times = [hear(interpreter, change(json.loads(LIST_3), t=seconds, data__rtc=seconds, data__tPI=float(seconds))).said
             for seconds in (1_735_407_960, 1_735_408_801, 1_735_408_861, 1_735_408_921)]  # fmt: skip
    assert [format_time(registers.time_ms or 0)[11:19] for registers, _ in times] == [
        "17:46:00",
        "18:00:00",
        "18:01:01",  # within the hour's minutes, but that has its registers
        "18:02:01",
    ]


def test_a_reader_that_tells_all_it_knows_with_every_list_does_not_move_the_registers() -> None:
    snapshot = change(HOURLY, t=HOURLY["t"] + 2_220)
    registers, rest = hear(open_interpreter(), snapshot).said
    assert (format_time(registers.time_ms or 0), format_time(rest.time_ms or 0)) == (
        "2026-09-26T16:00:00.000Z",
        "2026-09-26T16:37:10.000Z",
    )
    interpreter = open_interpreter()
    hear(interpreter, HOURLY)
    assert only(hear(interpreter, snapshot)).members["P"] == 1028


@pytest.mark.hazard("duplicate", "ams")
def test_hazard_a_repetition_of_the_hour_before_is_not_said_of_this_hour(interpreter: Interpreter) -> None:
    """The four payloads of amsreader-firmware's issue 1119, an Aidon 6534: kWh and the meter's clock."""
    told = {16: (16, 109552.248), 17: (17, 109554.016), 18: (17, 109554.016), 19: (19, 109562.072)}
    found = {}
    for hour, (clock, energy) in told.items():
        t, rtc = (
            parse_time(f"2025-12-14T{one:02}:00:{second}+01:00") // 1000 for one, second in ((hour, 11), (clock, "00"))
        )
        for said in hear(interpreter, change(HOURLY, t=t, data__rtc=rtc, data__tPI=energy)).said:
            if "tPI" in said.members:
                found[format_time(said.time_ms or 0)[11:16]] = said.members["tPI"]
            else:
                assert said.time_ms == t * 1000
    assert found == {"15:00": 109552.248, "16:00": 109554.016, "18:00": 109562.072}


@pytest.mark.parametrize(("day", "count"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-12-31", 24)])
@pytest.mark.parametrize("follows", ["standard time", "local time", "the reader"])
def test_each_hour_of_a_day_has_its_own_registers(day: str, count: int, follows: str) -> None:
    """Of the nights of summer time too, whatever the meter's clock follows, from midnight on."""
    interpreter = open_interpreter()
    begin = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=LOCAL).astimezone(UTC)
    found = []
    for number in range(count + 1):
        hour = begin + timedelta(hours=number)
        local = hour.astimezone(LOCAL).replace(tzinfo=UTC) - timedelta(hours=1)
        clock = {"standard time": hour, "local time": local, "the reader": hour + timedelta(seconds=10)}[follows]
        t, rtc = round(hour.timestamp()) + 10, round(clock.timestamp())
        registers, _ = hear(interpreter, change(HOURLY, t=t, data__rtc=rtc, data__tPI=float(number))).said
        found.append((registers.time_ms, registers.members["tPI"]))
    assert found == [((round(begin.timestamp()) + 3600 * number) * 1000, float(number)) for number in range(count + 1)]


def test_registers_are_never_a_hour_late_by_a_clock_that_is_seconds_behind() -> None:
    hour_ms = 1_790_438_400_000
    near = {-59_000: hour_ms, 0: hour_ms, 10_000: hour_ms, 300_000: hour_ms, 300_001: None, -61_000: None}
    assert {off: find_hour(hour_ms + off, None) for off in near} == near
    assert find_hour(hour_ms + 2_000_000, hour_ms - 3_600_000) == hour_ms


def test_a_meter_clock_that_is_wrong_is_told_once(interpreter: Interpreter) -> None:
    def hear_hour(number: int, off_s: int) -> Heard:
        t = HOURLY["t"] + 3600 * number
        return hear(interpreter, change(HOURLY, t=t, data__rtc=t + off_s, data__tPI=float(number)))

    assert [len(hear_hour(number, off_s).events) for number, off_s in enumerate((-10, 3590, -3610, -7210))] == [0] * 4
    (event,) = hear_hour(4, 900).events
    assert (event.kind, event.members["clock_off"]) == (EventKind.STATUS, 900)
    assert [len(hear_hour(number, off_s).events) for number, off_s in ((5, 900), (6, 0), (7, -86_400))] == [0, 0, 1]
    assert not hear(interpreter, change(HOURLY, t=HOURLY["t"] + 36_000, data__rtc=0)).events
