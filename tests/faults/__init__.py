"""Trials against real servers: the fast subset with every test run, the whole with ``deploy/faults``."""
