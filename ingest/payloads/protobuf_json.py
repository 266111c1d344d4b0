"""Objects in the JSON mapping of Protocol Buffers, as network servers write them.

What is zero, false or empty may be left out there, and null says the same as nothing at all; bytes are base64, moments
are RFC 3339 (https://protobuf.dev/programming-guides/json/).
"""

import binascii
import math
from collections.abc import Mapping
from typing import Any

from ingest.codec import CodecError
from ingest.event_time import parse_time
from ingest.payloads.json_payload import show
from schemas.reason import Reason
from schemas.validation import shorten


class Part:
    """An object somewhere in a payload.

    What is left out reads as its default; what is there but of another kind is a CodecError that names its path.

    Attributes:
        members: As JSON has them.

    Args:
        members: Likewise.
        path: Where in the payload, for people; empty for the whole.
    """

    def __init__(self, members: Mapping[str, Any], path: str = "") -> None:
        self.members = members
        self._path = path

    def __contains__(self, name: str) -> bool:
        """Return whether a member is there and is not null."""
        return self.members.get(name) is not None

    def part(self, name: str) -> "Part":
        """Return an object; one without members where it is left out.

        Raises:
            CodecError: It is no object.
        """
        return Part(self.struct(name), self._locate(name))

    def require(self, name: str, hint: str = "") -> "Part":
        """Return an object that must be there.

        Args:
            name: Of the member.
            hint: For people, behind "is missing".

        Raises:
            CodecError: It is missing, or no object.
        """
        if name not in self:
            found = shorten(", ".join(sorted(self.members))) or "nothing"
            raise self.refuse(name, f"is missing{hint}; there is {found}")
        return self.part(name)

    def parts(self, name: str) -> list["Part"]:
        """Return an array of objects.

        Raises:
            CodecError: It is no array, or holds something else.
        """
        found = self._take(name, list, "an array") or []
        return [
            Part(one, f"{self._locate(name)}.{index}") for index, one in enumerate(found) if self._is_object(one, name)
        ]

    def struct(self, name: str) -> dict[str, Any]:
        """Return an object of any content as JSON has it; an empty one where it is left out.

        Raises:
            CodecError: It is no object.
        """
        found: dict[str, Any] = self._take(name, dict, "an object") or {}
        return found

    def text(self, name: str) -> str:
        """Return a text.

        Raises:
            CodecError: It is no text.
        """
        found: str = self._take(name, str, "a text") or ""
        return found

    def truth(self, name: str) -> bool:
        """Return whether something is so.

        Raises:
            CodecError: It is neither true nor false.
        """
        return bool(self._take(name, bool, "true or false"))

    def whole(self, name: str, most: int) -> int:
        """Return a whole number from 0.

        Raises:
            CodecError: It is none, or above ``most``.
        """
        found = self.members.get(name)
        if found is None:
            return 0
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= most:
            raise self.refuse(name, f"is {show(found)}, not a whole number from 0 to {most}")
        return found

    def number(self, name: str) -> float | None:
        """Return a number; None where it is left out or none: the mapping writes NaN as a text."""
        found = self.members.get(name)
        if not isinstance(found, int | float) or isinstance(found, bool) or not math.isfinite(found):
            return None
        return float(found)

    def octets(self, name: str) -> bytes:
        """Return bytes.

        Raises:
            CodecError: It is no text, or no base64 (MALFORMED_PAYLOAD).
        """
        text = self.text(name)
        try:
            octets = binascii.a2b_base64(text, strict_mode=True)
            # The decoder overlooks bits behind the last byte: a text that lost its end could pass for a whole one.
            if binascii.b2a_base64(octets, newline=False).decode() == text:
                return octets
        except ValueError:  # of which binascii.Error is one, and text that is not ASCII another
            pass
        raise CodecError(Reason.MALFORMED_PAYLOAD, f"{self._locate(name)} is {show(text)}, not base64")

    def time_ms(self, name: str) -> int | None:
        """Return a moment in milliseconds since 1970 in UTC; None where it is left out.

        Raises:
            CodecError: It is not RFC 3339 with an offset (INVALID_TIME).
        """
        found = self.members.get(name)
        if found is None:
            return None
        try:
            return parse_time(found)
        except (TypeError, ValueError):
            detail = f"{self._locate(name)} is {show(found)}, not RFC 3339 with an offset"
            raise CodecError(Reason.INVALID_TIME, detail) from None

    def refuse(self, name: str, fault: str) -> CodecError:
        """Return the error that says what is wrong with a member."""
        return CodecError(Reason.UNRECOGNISED_PAYLOAD, f"{self._locate(name)} {fault}")

    def _take(self, name: str, kind: type, called: str) -> Any:  # noqa: ANN401 - of that kind, or None
        found = self.members.get(name)
        if found is not None and not isinstance(found, kind):
            raise self.refuse(name, f"is {show(found)}, not {called}")
        return found

    def _is_object(self, one: object, name: str) -> bool:
        if not isinstance(one, dict):
            raise self.refuse(name, f"holds {show(one)}, not objects only")
        return True

    def _locate(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name
