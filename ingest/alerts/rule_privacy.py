"""Who may be told what a rule finds: ``privacy`` of a rule's file, held against that of its DeviceType."""

from ingest.alerts.rule_tables import RuleTable
from ingest.toml_file import Mistake, TomlFile
from schemas.device_type import DeviceType, Privacy


def choose_privacy(table: RuleTable, device_type: DeviceType) -> Privacy:
    """Return who may be told: that a safety alarm's battery is low tells of the one who carries it."""
    return table.privacy or (device_type.privacy if device_type.is_apart else device_type.privacy_of(table.field))


def check_privacy(file: TomlFile, table: RuleTable, device_type: DeviceType) -> list[Mistake]:
    """Refuse a rule about devices that are kept apart which would have others told of them."""
    if not device_type.is_apart or table.privacy in {None, device_type.privacy}:
        return []
    message = f'must be "{device_type.privacy}" or left out: {table.device_type} is of that class'
    return [file.mistake(("privacy",), message)]
