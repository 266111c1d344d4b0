"""Benchmarks: readings at full speed through real servers, and what they cost whom.

One straight line: ``load`` makes packets, ``publisher`` sends them, ``tap`` counts what a ``subject`` acknowledges, and
``witness`` sees what can be queried. ``rig`` starts all of them by a ``plan``, ``driver`` runs one measurement, and
``result`` is what came of it. ``scale`` runs a series of them. ``findings`` reads back the results that
are kept, for ``plot`` and the ``page`` of figures.
"""
