"""Kinds of derivations (``schemas.derivation``), one a file; each defines ``DERIVATION``, the model of its table."""
