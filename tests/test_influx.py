"""InfluxDB's answers and what they mean: the real server's, and a stand-in's where the real one cannot be made to."""

import asyncio
import gzip
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from ingest.influx import (
    Answer,
    BrokenOffError,
    BusyError,
    InfluxClient,
    InfluxError,
    MisconfiguredError,
    QueryError,
    RefusedLinesError,
    TooLargeError,
    UnreachableError,
    explain_answer,
    open_influx,
)
from ingest.settings import Influx
from simulators.testbed.influxd import Influxd, run_influxd
from simulators.testbed.port import LOOPBACK, free_port
from tests.http_server import serve

LINE = gzip.compress(b"m v=1.0 1000\n")
SETTINGS = Influx(url="http://influx.test:8086", database="sensors", username="collector")
NOW_S = 1_768_471_200.0  # 2026-01-15T10:00:00Z


@pytest.fixture
async def client(influxd: Influxd, database: str) -> AsyncIterator[InfluxClient]:
    async with open_influx(Influx(url=influxd.url, database=database), influxd.password) as opened:
        yield opened


async def test_several_gzip_members_are_stored(client: InfluxClient) -> None:
    await client.check()
    await client.write(b"".join(gzip.compress(b"m,device=d%d v=%d.5 1000\n" % (n, n)) for n in range(3)))
    (series,) = await client.query("SELECT v, device FROM m ORDER BY time")
    assert series.name == "m"
    assert series.columns == ("time", "v", "device")
    assert sorted(series.values) == [[1000, 0.5, "d0"], [1000, 1.5, "d1"], [1000, 2.5, "d2"]]
    grouped = await client.query('SELECT count(v) FROM m GROUP BY "device"')
    assert [series.tags for series in grouped] == [{"device": f"d{n}"} for n in range(3)]


async def test_a_refused_line_is_told_apart_from_a_wrong_setting(client: InfluxClient) -> None:
    await client.write(LINE)
    with pytest.raises(RefusedLinesError, match="field type conflict"):
        await client.write(gzip.compress(b'm v=2.0 2000\nm v="text" 3000\n'))
    with pytest.raises(RefusedLinesError, match="unable to parse 'm v= 5000'"):
        await client.write(gzip.compress(b"m v=4.0 4000\nm v= 5000\n"))
    (series,) = await client.query("SELECT v FROM m")
    assert [time_ms for time_ms, _ in series.values] == [1000, 2000, 4000]


async def test_a_wrong_password_names_the_setting(influxd: Influxd, database: str) -> None:
    async with open_influx(Influx(url=influxd.url, database=database), "wrong") as client:
        for call in (client.write(LINE), client.check()):
            with pytest.raises(MisconfiguredError, match=r"401.*correct influx\.username or influx\.password_file"):
                await call


async def test_a_user_without_the_right_is_told_what_to_grant(influxd: Influxd) -> None:
    await influxd.query("CREATE DATABASE others")
    async with open_influx(Influx(url=influxd.url, database="others"), influxd.password) as client:
        with pytest.raises(MisconfiguredError, match=r"403.*grant it ALL on the database"):
            await client.write(LINE)
        with pytest.raises(MisconfiguredError, match="no database others"):
            await client.check()
    await influxd.drop_database("others")


async def test_a_missing_database_names_the_setting(influxd: Influxd) -> None:
    async with open_influx(Influx(url=influxd.url, database="missing"), influxd.password) as client:
        for call in (client.write(LINE), client.check()):
            with pytest.raises(MisconfiguredError, match=r"no database missing.*create it.*influx\.database"):
                await call


async def test_a_lost_retention_policy_is_not_the_lines_fault(influxd: Influxd, client: InfluxClient) -> None:
    await influxd.query(f'DROP RETENTION POLICY "autogen" ON "{client.settings.database}"')
    with pytest.raises(MisconfiguredError, match="lacks its retention policy"):
        await client.write(LINE)


async def test_a_wrong_statement_is_repeated_in_the_error(client: InfluxClient) -> None:
    with pytest.raises(QueryError, match=r"error parsing query.*the statement was SELECT nonsense"):
        await client.query("SELECT nonsense")
    with pytest.raises(QueryError, match="the statement was SELECT v"):
        await client.query("SELECT v FROM m WHERE time > 'never'")


async def test_a_body_above_the_servers_bound_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUXDB_HTTP_MAX_BODY_SIZE", "20000")
    async with run_influxd(tmp_path / "small") as server:
        await server.create_database("sensors")
        async with open_influx(Influx(url=server.url), server.password) as client:
            # The server closes while the larger one is still being sent; its answer is read all the same.
            for size in (20_001, 8_000_000):
                with pytest.raises(TooLargeError, match="413"):
                    await client.write(gzip.compress(os.urandom(size), 1))
            await client.write(LINE)


async def test_a_server_that_is_away_is_unreachable() -> None:
    async with open_influx(Influx(url=f"http://{LOOPBACK}:{free_port()}"), "") as client:
        with pytest.raises(UnreachableError, match="cannot be reached") as raised:
            await client.write(LINE)
    assert not isinstance(raised.value, BrokenOffError)


@pytest.mark.parametrize("ends", [True, False])
async def test_a_server_that_gives_no_answer_has_broken_off(*, ends: bool) -> None:
    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not ends:
            await released.wait()
        writer.close()

    released = asyncio.Event()
    server = await asyncio.start_server(accept, LOOPBACK, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = Influx(url=f"http://{LOOPBACK}:{port}", timeout_s=0.2)
        expected = "ended the connection" if ends else r"no answer within 0\.2 s"
        async with open_influx(settings, "") as client:
            with pytest.raises(BrokenOffError, match=expected):
                await client.write(LINE)
        released.set()


@pytest.mark.parametrize(
    "half",
    [b"HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1", b"HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\n{"],
)
async def test_half_an_answer_is_told_in_words(half: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(half)
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    async with server:
        url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
        async with open_influx(Influx(url=url), "") as client:
            with pytest.raises(BrokenOffError) as raised:
                await client.write(LINE)
    assert str(raised.value) == f"InfluxDB at {url} ended the connection before its answer was whole."


async def test_a_server_that_is_no_influxdb_costs_no_line() -> None:
    async def greet(_: web.Request) -> web.Response:
        return web.Response(text="Welcome!")

    async with serve(greet) as url, open_influx(Influx(url=url), "") as client:
        with pytest.raises(MisconfiguredError, match=r"200: Welcome!.*correct influx\.url"):
            await client.write(LINE)
        with pytest.raises(MisconfiguredError, match=r"not InfluxDB's; correct influx\.url"):
            await client.check()


async def test_a_certificate_must_be_trusted(tmp_path: Path) -> None:
    async def store(_: web.Request) -> web.Response:
        return web.Response(status=204)

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with serve(store, context) as url:
        async with open_influx(Influx(url=url, ca_file=ca_file), "") as client:
            await client.write(LINE)
        async with open_influx(Influx(url=url), "") as client:
            with pytest.raises(MisconfiguredError, match=r"set influx\.ca_file"):
                await client.write(LINE)
    with pytest.raises(MisconfiguredError, match="cannot be read as PEM"):
        async with open_influx(Influx(url="https://x", ca_file=tmp_path / "none.pem"), ""):
            pass


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, '{"error":"partial write: field type conflict dropped=1"}', RefusedLinesError),
        (422, '{"code":"unprocessable entity","message":"failure writing points"}', RefusedLinesError),
        (400, "Client sent an HTTP request to an HTTPS server.\n", MisconfiguredError),
        (400, '["no", "object"]', MisconfiguredError),
        (401, '{"code":"unauthorized","message":"unauthorized access"}', MisconfiguredError),
        (403, '{"error":"forbidden"}', MisconfiguredError),
        (404, '{"code":"not found","message":"no dbrp mapping found"}', MisconfiguredError),
        (404, "404 page not found", MisconfiguredError),
        (405, "", MisconfiguredError),
        (302, "", MisconfiguredError),
        (200, "{}", MisconfiguredError),
        (413, "", TooLargeError),
        (408, "", BusyError),
        (429, "", BusyError),
        (500, '{"error":"timeout"}', BusyError),
        (500, '{"error":"retention policy not found: autogen"}', MisconfiguredError),
        (502, "<html>", BusyError),
        (503, "request throttled", BusyError),
    ],
)
def test_every_answer_is_one_kind_of_error(status: int, text: str, kind: type[InfluxError]) -> None:
    error = explain_answer(Answer(status, {}, text), SETTINGS, NOW_S)
    assert type(error) is kind
    assert len(str(error)) > 10


def test_a_long_answer_is_cut() -> None:
    text = '{"error":"' + "x" * 100_000 + '"}'
    assert all(
        len(str(explain_answer(Answer(status, {}, text), SETTINGS, NOW_S))) < 2_000 for status in (400, 401, 500)
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("Thu, 15 Jan 2026 10:00:30 GMT", 30.0), ("Thu, 15 Jan 2026 09:00:00 GMT", 0.0), ("soon", None)],
)
def test_retry_after_is_read_as_seconds_or_date(value: str, seconds: float | None) -> None:
    error = explain_answer(Answer(503, {"Retry-After": value}, ""), SETTINGS, NOW_S)
    assert isinstance(error, BusyError)
    assert error.retry_after_s == seconds


ODD_ANSWERS = {
    "an offset that no date has": (503, {"Retry-After": "Mon, 01 Jan 2024 00:00:00 +99999999999999"}, b""),
    "a charset that is none of text": (400, {"Content-Type": "text/plain; charset=hex"}, b"abcd"),
    "brackets without end": (400, {}, b"[" * 200_000),
    "bytes that are not UTF-8": (500, {}, b"\xff\xfe"),
    "an error that is no text": (400, {}, b'{"error":[1,2]}'),
}


@pytest.mark.parametrize("odd", ODD_ANSWERS)
async def test_whatever_stands_there_instead_of_a_database_the_lines_are_kept(odd: str) -> None:
    status, headers, body = ODD_ANSWERS[odd]

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, headers=headers, body=body)

    async with serve(answer) as url, open_influx(Influx(url=url), "secret") as client:
        with pytest.raises((BusyError, MisconfiguredError)):
            await client.write(LINE)


@pytest.mark.parametrize(
    "text",
    [
        '{"results":[1]}',
        '{"results":null}',
        '{"results":[{"series":null}]}',
        '{"results":[{"series":[{"columns":["a"],"values":null}]}]}',
        '{"results":[{"series":[{"name":"x"}]}]}',
        '{"results":[{"series":[{"columns":["name"],"values":[[["sensors"]],[],[null]]}]}]}',
        "[" * 200_000,
    ],
)
async def test_an_answer_to_a_query_that_is_not_influxdbs_is_said_to_be_none(text: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text=text)

    async with serve(answer) as url, open_influx(Influx(url=url), "secret") as client:
        with pytest.raises(MisconfiguredError):
            await client.check()
