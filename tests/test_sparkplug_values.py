"""Values of Sparkplug B: the specification's vectors, those that are wrong, and two ways to write -1."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.payloads.sparkplug_values import MOST_ITEMS, DataType, ValueFaultError, read_value
from ingest.source import Plain

# The array examples of the specification, chapter 6.
ARRAYS = [
    (DataType.INT16_ARRAY, "D08A3075", [-30000, 30000]),
    (DataType.INT32_ARRAY, "FFFFFFFFFAAFCB12", [-1, 315338746]),
    (DataType.UINT16_ARRAY, "1E0088CC", [30, 52360]),
    (DataType.UINT32_ARRAY, "3400000049FB55C4", [52, 3293969225]),
    (DataType.STRING_ARRAY, "4142430068656C6C6F00", ["ABC", "hello"]),
    (DataType.BOOLEAN_ARRAY, "0C00000034D0", [*map(bool, (0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1))]),
    (DataType.BOOLEAN_ARRAY, "0C00000034DF", [*map(bool, (0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1))]),
    (DataType.DATE_TIME_ARRAY, "C7D0907524010000B8BAB89781010000", [1256102875335, 1656107875000]),
    (
        DataType.INT64_ARRAY,
        "CE0672AC189CBAC4C4BA9C18AC7206CE",
        [-4270929666821191986, -3601064768563266876],
    ),
    (DataType.UINT8_ARRAY, "17FA", [23, 250]),
    (DataType.UINT64_ARRAY, "3400000000000000D99E02D1B27637E4", [52, 16444743074749521625]),
    (DataType.DOUBLE_ARRAY, "000000000000F8BF", [-1.5]),
    (DataType.STRING_ARRAY, "", []),
    (DataType.STRING_ARRAY, "00", [""]),
    (DataType.BOOLEAN_ARRAY, "00000000", []),
    (DataType.INT32_ARRAY, "", []),
]


@pytest.mark.parametrize(("datatype", "packed", "items"), ARRAYS)
def test_arrays_are_packed_little_endian(datatype: DataType, packed: str, items: list[Plain]) -> None:
    assert read_value(datatype, "bytes_value", bytes.fromhex(packed)) == items


def unpack(datatype: DataType, packed: str) -> list[Plain]:
    """Return the values of an array that can be read."""
    found = read_value(datatype, "bytes_value", bytes.fromhex(packed))
    assert isinstance(found, list)
    return found


def test_the_float_examples_of_the_specification_are_big_endian_and_wrong() -> None:
    meant = [pytest.approx(1.23), pytest.approx(89.341)]
    assert unpack(DataType.FLOAT_ARRAY, "A4709D3F98AEB242") == meant
    assert unpack(DataType.FLOAT_ARRAY, "3F9D70A442B2AE98") != meant
    precise = [12.354213, 1022.9123213]
    assert unpack(DataType.DOUBLE_ARRAY, "D7A205685BB528408E171C6F4CF78F40") == precise
    assert unpack(DataType.DOUBLE_ARRAY, "4028B55B6805A2D7408FF74C6F1C178E") != precise


def test_the_first_byte_of_the_first_example_of_the_specification_is_wrong() -> None:
    assert unpack(DataType.INT8_ARRAY, "E97B") == [-23, 123]
    assert unpack(DataType.INT8_ARRAY, "EF7B") == [-17, 123]  # which it gives for -23


def test_the_date_example_of_the_specification_has_too_few_bytes() -> None:
    with pytest.raises(ValueFaultError, match="no multiple of 8"):
        read_value(DataType.DATE_TIME_ARRAY, "bytes_value", bytes.fromhex("C7D090752401B8BAB8978101"))


@pytest.mark.parametrize(
    ("datatype", "packed", "wrong"),
    [
        (DataType.INT16_ARRAY, "D08A30", "no multiple of 2"),
        (DataType.BOOLEAN_ARRAY, "0C0000", "not that of its count"),
        (DataType.BOOLEAN_ARRAY, "0C00000034", "not that of its count"),
        (DataType.BOOLEAN_ARRAY, "FFFFFFFF34D0", "not that of its count"),
        (DataType.STRING_ARRAY, "414243", "zero byte"),
        (DataType.STRING_ARRAY, "FF00", "not UTF-8"),
        (DataType.INT8_ARRAY, "00" * (MOST_ITEMS + 1), "more than 1000"),
    ],
)
def test_an_array_that_is_cut_is_refused(datatype: DataType, packed: str, wrong: str) -> None:
    with pytest.raises(ValueFaultError, match=wrong):
        read_value(datatype, "bytes_value", bytes.fromhex(packed))


@pytest.mark.parametrize(
    ("datatype", "kind", "came", "meant"),
    [
        (DataType.INT8, "int_value", 255, -1),  # Eclipse Tahu in Python
        (DataType.INT8, "int_value", 4_294_967_295, -1),  # in Java
        (DataType.INT8, "int_value", 2**32 - 128, -128),
        (DataType.INT8, "int_value", 127, 127),
        (DataType.INT16, "int_value", 65_535, -1),
        (DataType.INT16, "int_value", 4_294_967_295, -1),
        (DataType.INT16, "int_value", 35_536, -30_000),
        (DataType.INT32, "int_value", 4_294_967_295, -1),
        (DataType.INT32, "long_value", 2**64 - 1, -1),
        (DataType.INT32, "int_value", 3000, 3000),
        (DataType.INT64, "long_value", 2**64 - 1, -1),
        (DataType.INT64, "int_value", 3000, 3000),
        (DataType.UINT8, "int_value", 255, 255),
        (DataType.UINT32, "int_value", 4_294_967_295, 4_294_967_295),
        (DataType.UINT32, "long_value", 4_294_967_295, 4_294_967_295),
        (DataType.UINT64, "long_value", 2**64 - 1, 2**64 - 1),
        (DataType.DATE_TIME, "long_value", 1_486_144_502_122, 1_486_144_502_122),
        (DataType.FLOAT, "float_value", 12.5, 12.5),
        (DataType.DOUBLE, "float_value", 12.5, 12.5),
        (DataType.BOOLEAN, "boolean_value", True, True),
        (DataType.STRING, "string_value", "Jessie", "Jessie"),
        (DataType.TEXT, "string_value", "", ""),
        (DataType.UUID, "string_value", "a6bd3b0e", "a6bd3b0e"),
    ],
)
def test_a_value_means_what_its_type_says(datatype: DataType, kind: str, came: object, meant: Plain) -> None:
    found = read_value(datatype, kind, came)
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize(
    ("datatype", "kind", "came"),
    [
        (DataType.INT8, "int_value", 256),
        (DataType.INT8, "int_value", 300),
        (DataType.INT8, "int_value", 2**32 - 129),
        (DataType.INT16, "int_value", 65_536),
        (DataType.INT16, "float_value", 1.0),
        (DataType.INT32, "long_value", 2**32),
        (DataType.INT64, "int_value", 4_294_967_295),  # -1, or 4294967295
        (DataType.UINT8, "int_value", 256),
        (DataType.UINT16, "int_value", 4_294_967_295),
        (DataType.UINT32, "long_value", 2**32),
        (DataType.FLOAT, "int_value", 1),
        (DataType.BOOLEAN, "int_value", 1),
        (DataType.STRING, "bytes_value", b"x"),
        (DataType.INT8_ARRAY, "string_value", "x"),
        (DataType.PROPERTY_SET, "string_value", "x"),
        (0, "int_value", 1),
        (35, "int_value", 1),
        (2**32 - 1, "int_value", 1),
    ],
)
def test_what_is_not_of_its_type_is_refused_and_never_cut_to_it(datatype: int, kind: str, came: object) -> None:
    with pytest.raises(ValueFaultError):
        read_value(datatype, kind, came)


@pytest.mark.hazard("negative-twice", "sparkplug")
@given(bits=st.sampled_from([8, 16, 32, 64]), data=st.data())
def test_signed_numbers_come_back_from_both_ways_to_write_them(bits: int, data: st.DataObject) -> None:
    datatype = {8: DataType.INT8, 16: DataType.INT16, 32: DataType.INT32, 64: DataType.INT64}[bits]
    told = data.draw(st.integers(-(1 << bits - 1), (1 << bits - 1) - 1))
    kind, field_bits = ("long_value", 64) if bits == 64 else ("int_value", 32)
    assert read_value(datatype, kind, told % (1 << bits)) == told
    assert read_value(datatype, kind, told % (1 << field_bits)) == told


@given(
    datatype=st.integers(0, 40),
    told=st.one_of(
        st.tuples(st.just("int_value"), st.integers(0, 2**32 - 1)),
        st.tuples(st.just("long_value"), st.integers(0, 2**64 - 1)),
        st.tuples(st.sampled_from(["float_value", "double_value"]), st.floats()),
        st.tuples(st.just("boolean_value"), st.booleans()),
        st.tuples(st.just("string_value"), st.text(max_size=9)),
        st.tuples(st.just("bytes_value"), st.binary(max_size=40)),
    ),
)
def test_any_value_of_any_type_is_read_or_refused(datatype: int, told: tuple[str, object]) -> None:
    try:
        found = read_value(datatype, *told)
    except ValueFaultError as error:
        assert str(error)  # noqa: PT017 - either is right
    else:
        assert isinstance(found, int | float | str | list)


def test_a_number_that_is_none_stays_so() -> None:
    assert math.isnan(float(str(read_value(DataType.FLOAT, "float_value", math.nan))))
