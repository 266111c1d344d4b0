"""The status of a collector as a file in the folder of its store, written each second for whoever looks."""

import json
import os
import threading
from pathlib import Path

from ingest.health import Status

STATUS_FILE = "status.json"


class StatusFile:
    """Writes the status.

    Args:
        folder: Of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / STATUS_FILE
        self._writing = threading.Lock()

    def write(self, status: Status) -> None:
        """Replace the file as a whole: a reader never sees half of one.

        One at a time: a task that is cancelled leaves its thread writing, and the last status of all is written then.

        Raises:
            OSError: The disk does not take it.
        """
        with self._writing:
            draft = self._path.with_suffix(".tmp")
            draft.write_text(json.dumps(status.to_json()) + os.linesep)
            draft.replace(self._path)
