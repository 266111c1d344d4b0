"""Raw HAN frames of Kaifa, Aidon and Kamstrup meters.

The lists are those of ``tests/test_kaifa.py`` and ``test_aidon.py`` of amshan (MIT), and of frames that owners of
meters published in amsreader-firmware (``frames/``, issue 1119). What numbers a meter is zero here, and the check
sequences are computed anew, not by amshan; two frames without such a number are as they were sent.
"""

KAIFA_LIST_1 = bytes.fromhex(
    "7EA027010201105A87E6E7000F40000000090C07E5031702131A3AFF80000002010600000BF35B057E"
)  # as sent
AIDON_LIST_1 = bytes.fromhex(
    "7EA02A410883130413E6E7000F4000000000010102030906010001 0700FF060000095602020F00161BAFA17E"
)  # as sent


def check(octets: bytes) -> bytes:
    """Return the check sequence of RFC 1662, appendix C."""
    value = 0xFFFF
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ 0x8408 if value & 1 else value >> 1
    return (value ^ 0xFFFF).to_bytes(2, "little")


def frame(information: bytes | str, *, form: int = 0xA000, addresses: str = "0102 01") -> bytes:
    """Return an HDLC frame between its flags."""
    body = bytes.fromhex(information) if isinstance(information, str) else information
    header = bytes.fromhex(addresses) + b"\x10"
    length = 2 + len(header) + 2 + len(body) + 2
    begin = (form | length).to_bytes(2, "big") + header
    unchecked = begin + check(begin) + body
    return b"\x7e" + unchecked + check(unchecked) + b"\x7e"


KAIFA_HEAD = "E6E7000F40000000 090C07E5031702131A3AFF800000"


def kaifa_list_3(clock: str = "07E5031702 13000AFF800000", registers: str = "06 01343B5D") -> bytes:
    """Return the list 3 of a Kaifa MA304H4; told at 19:00:10."""
    return frame(
        f"E6E7000F40000000 090C{clock} 0212 0907 4B464D5F303031 0910 {'30' * 16} 0907 4D413330344834"
        "06 00000999 06 00000000 06 00000000 06 00000167 06 000003BF 06 00000505 06 00002434"
        f"06 00000945 06 0000094F 06 0000093B 090C{clock} {registers} 06 00000000 06 00000936 06 003C7A98"
    )


# Kaifa MA304H3E, three wires: 1036 W, 239.9 V and 240.6 V.
KAIFA_LIST_2 = frame(
    f"E6E7000F40000000 090C07E1090E04151F14FF800000 020D 0907 4B464D5F303031 0910 {'30' * 16} 0908 4D41333034483345"
    "06 0000040C 06 00000000 06 00000000 06 0000004E 06 000007C1 06 00000C9E 06 00000D7E 06 0000095F 06 00000000"
    "06 00000966"
)
AIDON_HEAD = (
    f"0202 0906 0101000281FF 0A0B 4149444F4E5F5630303031 0202 0906 0000600100FF 0A10 {'30' * 16}"
    "0202 0906 0000600107FF 0A04 36353235"
    "0203 0906 0100010700FF 06 00000118 02020F00161B 0203 0906 0100020700FF 06 00000000 02020F00161B"
    "0203 0906 0100030700FF 06 00000000 02020F00161D 0203 0906 0100040700FF 06 00000080 02020F00161D"
    "0203 0906 01001F0700FF 10 000D 02020FFF1621 0203 0906 0100470700FF 10 0009 02020FFF1621"
)
# Aidon 6525, three wires: no current of the second phase.
AIDON_LIST_2 = frame(
    f"E6E7000F4000000000 010C {AIDON_HEAD}"
    "0203 0906 0100200700FF 12 08E2 02020FFF1623 0203 0906 0100340700FF 12 08FD 02020FFF1623"
    "0203 0906 0100480700FF 12 0904 02020FFF1623"
)


def aidon_list_3(clock: str = "07E40115 02 100000 FF000000", energy: int = 0x22AB8A) -> bytes:
    """Return the list 3 of an Aidon 6525; the energy is in tens of watt-hours."""
    return frame(
        f"E6E7000F4000000000 0111 {AIDON_HEAD}"
        "0203 0906 0100200700FF 12 08E4 02020FFF1623 0203 0906 0100340700FF 12 08FF 02020FFF1623"
        f"0203 0906 0100480700FF 12 0905 02020FFF1623 0202 0906 0000010000FF 090C {clock}"
        f"0203 0906 0100010800FF 06 {energy:08X} 02020F01161E 0203 0906 0100020800FF 06 00000000 02020F01161E"
        "0203 0906 0100030800FF 06 0000E383 02020F011620 0203 0906 0100040800FF 06 00029B5B 02020F011620"
    )


def kamstrup(lists: str, model: str = "6841131BN243101040") -> bytes:
    """Return a list of a Kamstrup OMNIPOWER."""
    return frame(
        f"E6E7000F00000000 0C07E50B11030B3200FF800000 {lists[:4]} 0A0E 4B616D73747275705F5630303031"
        f"0906 0101000005FF 0A10 {'30' * 16} 0906 0101600101FF 0A12 {model.encode().hex()} {lists[4:]}"
    )


KAMSTRUP_PHASES = (
    "0219"
    "0906 0101010700FF 06 000005E6 0906 0101020700FF 06 00000000 0906 0101030700FF 06 00000000"
    "0906 0101040700FF 06 00000192 0906 01011F0700FF 06 000000A1 0906 0101330700FF 06 000000C1"
    "0906 0101470700FF 06 0000018E 0906 0101200700FF 12 00EB 0906 0101340700FF 12 00EC 0906 0101480700FF 12 00EC"
)
KAMSTRUP_LIST_2 = kamstrup(KAMSTRUP_PHASES)
KAMSTRUP_ONE_PHASE = kamstrup(
    "0223"
    "0906 0101010700FF 06 0000026B 0906 0101020700FF 06 00000000 0906 0101030700FF 06 00000054"
    "0906 0101040700FF 06 00000000 0906 01011F0700FF 06 00000125 00000000 0906 0101200700FF 12 00E1 00000000"
    "0906 0001010000FF 090C 07E60205060D0019FF800000"
    "0906 0101010800FF 06 0012CF93 0906 0101020800FF 06 00000000 0906 0101030800FF 06 00008CCE"
    "0906 0101040800FF 06 0005E504",
    "6861111BN242101040",
)
EVERY = {
    "Kaifa, list 1": KAIFA_LIST_1,
    "Kaifa, list 2": KAIFA_LIST_2,
    "Kaifa, list 3": kaifa_list_3(),
    "Aidon, list 1": AIDON_LIST_1,
    "Aidon, list 2": AIDON_LIST_2,
    "Aidon, list 3": aidon_list_3(),
    "Kamstrup, list 2": KAMSTRUP_LIST_2,
    "Kamstrup, list 3": KAMSTRUP_ONE_PHASE,
}
