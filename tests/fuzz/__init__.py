"""Fuzzing: a search for bytes with which a Format, or a Model's decoder, ends otherwise than it says it may.

Run: ``python -m tests.fuzz``, where atheris is installed; see CONTRIBUTING.md.
"""
