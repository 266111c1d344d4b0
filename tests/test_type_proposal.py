"""Proposals measured: of what every device type's and every product's examples tell, is the right type among them?"""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from devices import load_device_types
from ingest.model import Model, ModelExample, Take
from ingest.models import load_models
from ingest.payloads.home_assistant import Described
from ingest.plain_model import PREFIX
from ingest.source import Frame, Plain
from ingest.type_proposal import BINARY_CLASSES, SENSOR_CLASSES, Proposal, list_missing, propose_types
from schemas.device_type import DeviceType, Field

TYPES = load_device_types()
PRODUCTS = {key: model for key, model in load_models().items() if not key.startswith(PREFIX)}
AMONG = 3
FIRST_SHARE = 0.73
"""Least share of all examples whose type comes first. Half of the others tell one value that ten types have."""
AMONG_SHARE = 0.89
ALIKE = {("freezer", ("battery", "temperature")), ("waste_bin", ("level", "temperature"))}
"""What tells two values or more, its own among them, and is told from others only by where it hangs; a maker of
bins calls the distance its level."""


class Case(NamedTuple):
    """What a device tells, and what it is."""

    origin: str
    type_key: str
    described: tuple[Described, ...]


def find_class(field_name: str, field: Field) -> str:
    """Return what Home Assistant calls what a field measures, a window no door; empty where it has no word for it."""
    classes = BINARY_CLASSES if field.is_state else SENSOR_CLASSES
    fitting = [name for name, quantities in classes.items() if field.quantity in quantities]
    return next((name for name in fitting if field_name.startswith(name)), next(iter(fitting), ""))


def describe(name: str, field_name: str, field: Field, unit: str, *, has_class: bool) -> Described:
    """Return what a device tells of a value."""
    component = "binary_sensor" if field.is_state else "sensor"
    told = "" if field.is_state else unit or field.measures.unit
    return Described(
        "d", "", "", "", component, name, "t", name, told, find_class(field_name, field) if has_class else ""
    )


def list_members(model: Model, example: ModelExample) -> dict[str, Plain]:
    """Return what a product says in an example; of a frame, what its first moment says."""
    if example.frame is None or model.decode is None:
        return dict(example.members)
    port, digits = example.frame
    return next((dict(one.members) for one in model.decode(Frame(port, bytes.fromhex(digits)))), {})


def list_values(model: Model, device_type: DeviceType, example: ModelExample) -> Iterator[tuple[str, str, Field, str]]:
    """Yield what a product says that a field takes: its name, the field's, the field, and the unit."""
    for name, value in list_members(model, example).items():
        takes = model.takes.get(name, ())
        take = takes if isinstance(takes, Take) else next(iter(takes), None)
        if take is not None and value is not None and take.field not in example.refused:
            yield name, take.field, device_type.fields[take.field], example.units.get(name) or take.unit


def list_cases(*, has_class: bool) -> Iterator[Case]:
    """Yield all examples of which something is accepted."""
    for key, device_type in TYPES.items():
        for example in device_type.examples:
            told = {} if example.fields is None else json.loads(example.payload)
            names = [name for name in told if name in device_type.fields and name not in example.refused]
            values = (describe(name, name, device_type.fields[name], "", has_class=has_class) for name in names)
            yield Case(key, key, tuple(values))
    for key, model in PRODUCTS.items():
        for said in model.examples:
            found = list_values(model, TYPES[model.device_type], said)
            yield Case(key, model.device_type, tuple(describe(*one, has_class=has_class) for one in found))


def find_place(case: Case) -> int:
    """Return at which place the right type is proposed, from 0; as many as there are types where it is not."""
    keys = [one.type_key for one in propose_types(case.described, TYPES)]
    return keys.index(case.type_key) if case.type_key in keys else len(TYPES)


@pytest.mark.parametrize("has_class", [True, False], ids=["by class and name", "by name alone"])
def test_the_right_type_is_among_the_first_of_nearly_all_examples(*, has_class: bool) -> None:
    places = [(case, find_place(case)) for case in list_cases(has_class=has_class) if case.described]
    first = sum(place == 0 for _, place in places) / len(places)
    among = sum(place < AMONG for _, place in places) / len(places)
    print(f"{len(places)} examples: {first:.1%} first, {among:.1%} among the first {AMONG}")  # noqa: T201 - the measure
    assert len(places) > 400
    assert first >= FIRST_SHARE
    assert among >= AMONG_SHARE
    far = {
        (case.type_key, tuple(sorted(one.entity for one in case.described)))
        for case, place in places
        if place >= AMONG and len(case.described) > 1
    }
    assert far <= ALIKE


def propose(*described: Described) -> list[Proposal]:
    """Return what a device may be."""
    return propose_types(described, TYPES)


def sensor(name: str, device_class: str, unit: str, component: str = "sensor") -> Described:
    """Return what a device tells of one value."""
    return Described("d", "", "", "", component, name, "t", name, unit, device_class)


TEMPERATURE, HUMIDITY = sensor("t", "temperature", "Cel"), sensor("h", "humidity", "%")


@pytest.mark.parametrize(
    ("described", "first"),
    [
        ((TEMPERATURE, HUMIDITY), "indoor_climate"),
        ((TEMPERATURE,), "indoor_climate"),
        ((TEMPERATURE, HUMIDITY, sensor("contact", "door", "", "binary_sensor")), "refrigerator"),
        ((sensor("contact", "door", "", "binary_sensor"), sensor("b", "battery", "%")), "door_contact"),
        ((sensor("effekt", "power", "W"), sensor("s", "", "", "switch")), "smart_plug"),
        ((sensor("local_temperature", "temperature", "Cel"), sensor("position", "", "%")), "radiator_valve"),
        # Tasmota says power of energy, too: the unit belies it.
        ((sensor("ENERGY.Total", "power", "kW.h"), sensor("ENERGY.Power", "power", "W")), "smart_plug"),
    ],
)
def test_the_most_usual_type_comes_first_of_those_that_fit_equally(
    described: tuple[Described, ...], first: str
) -> None:
    assert propose(*described)[0].type_key == first


def test_a_type_without_required_fields_is_what_its_first_field_says() -> None:
    plug = TYPES["smart_plug"]
    assert list_missing(plug, ["temperature"]) == ("power",)
    assert list_missing(plug, ["power"]) == ()
    assert list_missing(TYPES["classroom_climate"], ["temperature"]) == ("co2",)
    by_key = {one.type_key: one for one in propose(sensor("temperature", "temperature", "Cel"))}
    assert (by_key["smart_plug"].missing, by_key["smart_plug"].weight) == (("power",), 0.0)


def test_the_order_goes_by_what_is_told_less_what_is_missing() -> None:
    weights = [one.weight for one in propose(TEMPERATURE, HUMIDITY, sensor("co2", "carbon_dioxide", "[ppm]"))]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] == 2  # one is called so, and two are found by their class


def test_a_class_says_more_than_a_products_name_for_it() -> None:
    """EM500-SMTC calls the moisture of the ground humidity."""
    by_key = {one.type_key: one for one in propose(sensor("humidity", "humidity", "%"))}
    assert "soil_moisture" not in by_key
    assert "soil_moisture" in {one.type_key for one in propose(sensor("humidity", "", "%"))}
