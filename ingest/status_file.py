"""The status of a collector as a file in the folder of its store, written each second for whoever looks."""

import json
import os
from pathlib import Path

from ingest.health import Status

STATUS_FILE = "status.json"


def write_status(path: Path, status: Status) -> None:
    """Replace the status file as a whole: a reader never sees half of one."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(status.to_json()) + os.linesep)
    draft.replace(path)
