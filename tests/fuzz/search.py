"""One search of atheris, in a process of its own: it ends the process when it is done.

Run by ``tests.fuzz.__main__``: ``python -m tests.fuzz.search TARGET [OPTIONS OF LIBFUZZER] CORPUS``.
"""

import importlib
import sys
from random import Random
from typing import Any

EVEN = 2


def main() -> None:
    """Search for inputs of which something else than what may be raised is raised."""
    atheris: Any = importlib.import_module("atheris")  # no dependency: it may be missing where types are checked
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["ingest", "schemas"]):
        target = importlib.import_module("tests.fuzz.target")
        mutation = importlib.import_module("tests.mutation")
        found = target.make_target(name)  # in here: only now the files of the registries are imported
    head, payloads = target.HEAD, [seed[target.HEAD :] for seed in found.seeds]

    def run(data: bytes) -> None:
        if len(data) >= head:
            found.run(data)

    def change(data: bytes, most: int, seed: int) -> bytes:
        """Return another input: every other time as libFuzzer does it, else as the laws do."""
        if seed % EVEN or len(data) < head:
            changed: bytes = atheris.Mutate(data, most)
            return changed
        changed = data[:head] + mutation.mutate(data[head:], payloads, Random(seed))  # noqa: S311 - no secret
        return changed[:most]

    atheris.Setup([sys.argv[0], *options], run, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
