"""Frames that cannot be read: what a device sent is of another size, port or kind than its Model knows."""

from typing import NoReturn

from ingest.codec import CodecError
from ingest.source import Frame
from schemas.reason import Reason
from schemas.validation import shorten


def refuse(frame: Frame, found: str) -> NoReturn:
    """Say what is wrong with a frame.

    Args:
        frame: That cannot be read.
        found: What was found in it and what it should have been, without a full stop.

    Raises:
        CodecError: Always (BROKEN_FRAME).
    """
    raise CodecError(
        Reason.BROKEN_FRAME, f"{found}; on port {frame.port} came {shorten(frame.body.hex()) or 'nothing'}"
    )


def expect_size(frame: Frame, *sizes: int) -> None:
    """Let a frame pass that has one of so many bytes.

    Raises:
        CodecError: It is longer or shorter (BROKEN_FRAME).
    """
    if len(frame.body) not in sizes:
        refuse(frame, f"the frame has {len(frame.body)} bytes, not {' or '.join(map(str, sizes))}")


def expect_port(frame: Frame, port: int) -> None:
    """Let a frame pass that came on a port.

    Raises:
        CodecError: It came on another (BROKEN_FRAME).
    """
    if frame.port != port:
        refuse(frame, f"readings come on port {port}, not {frame.port}")
