"""The status file: whoever reads it reads a whole one, whoever writes it."""

import json
import threading
from pathlib import Path

from ingest.health import Status
from ingest.status_file import STATUS_FILE, StatusFile
from tests.test_metrics import make_status

WRITES = 100


def test_a_file_that_is_written_from_two_threads_is_whole_each_time_it_is_read(tmp_path: Path) -> None:
    file = StatusFile(tmp_path)
    short, long = make_status(mqtt_error=""), make_status(mqtt_error="x" * 20_000)
    file.write(short)

    def write_often(status: Status) -> None:
        for _ in range(WRITES):
            file.write(status)

    writers = [threading.Thread(target=write_often, args=(status,)) for status in (short, long)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert json.loads((tmp_path / STATUS_FILE).read_text())["mqtt_error"] in ("", "x" * 20_000)
    for writer in writers:
        writer.join()
