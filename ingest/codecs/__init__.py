"""Codecs: payload bytes to plain values and event time, and back. One file a format; they know formats, not devices.

A file defines ``CODEC``. Any bytes at all decode or raise ``CodecError``, nothing else; a test holds every codec to it.
"""
