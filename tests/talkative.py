"""The very command that production runs, but for one thing: the collector tells how it is doing ten times as often."""

import gjovik
from ingest import reporter

reporter.STATUS_S = 0.1

if __name__ == "__main__":
    gjovik.main()
