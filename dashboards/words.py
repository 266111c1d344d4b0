"""Words for people, in Norwegian, instead of the keys that are stored."""

from dashboards.panel import Shown
from schemas.reason import Reason
from schemas.rule import AlertPhase, Change, Severity
from schemas.units import UNITS as UNITS_BY_CODE

REASONS: dict[str, str] = {
    Reason.UNKNOWN_TOPIC: "Ukjent emne",
    Reason.UNKNOWN_DEVICE: "Ukjent sensor",
    Reason.WRONG_SITE: "Feil sted i emnet",
    Reason.EMPTY_PAYLOAD: "Tom melding",
    Reason.OVERSIZED_PAYLOAD: "For stor melding",
    Reason.INVALID_UTF8: "Ikke UTF-8",
    Reason.MALFORMED_JSON: "Ikke gyldig JSON",
    Reason.NOT_AN_OBJECT: "JSON, men ikke et objekt",
    Reason.MALFORMED_PAYLOAD: "Uleselig innhold",
    Reason.UNRECOGNISED_PAYLOAD: "Ukjent innhold",
    Reason.BROKEN_FRAME: "Avkortet eller ukjent ramme",
    Reason.MISSING_BIRTH: "Venter på fødselsmelding",
    Reason.COLLECTOR_FAULT: "Feil i innsamleren selv",
    Reason.MISSING_TIME: "Mangler tid",
    Reason.INVALID_TIME: "Ugyldig tid",
    Reason.FUTURE_TIME: "Tid i framtida",
    Reason.NOT_PLACED: "Ikke plassert da",
    Reason.INVALID_MEMBER: "Ugyldig seq eller simulated",
    Reason.SIMULATED_REFUSED: "Simulert, ikke tillatt",
    Reason.MISSING_FIELD: "Mangler felt",
    Reason.WRONG_TYPE: "Feil type",
    Reason.NOT_FINITE: "Ikke et tall",
    Reason.OUT_OF_RANGE: "Utenfor gyldig område",
    Reason.SENTINEL: "Sensoren har ingen verdi",
    Reason.WRONG_UNIT: "Feil måleenhet",
    Reason.UNKNOWN_FIELD: "Ukjent felt",
    Reason.CONFLICT: "Annen verdi på samme tid",
    Reason.REFUSED_BY_DATABASE: "Avvist av databasen",
    Reason.DAMAGED_ENTRY: "Uleselig etter feil på disken",
}
"""What people read for each reason; a test sees that none is missing."""
SEVERITIES: dict[str, Shown] = {
    Severity.INFO: Shown("Til orientering", "blue"),
    Severity.WARNING: Shown("Advarsel", "orange"),
    Severity.CRITICAL: Shown("Kritisk", "red"),
}
PHASES: dict[str, Shown] = {
    AlertPhase.OK: Shown("Over", "green"),
    AlertPhase.PENDING: Shown("Venter", "blue"),
    AlertPhase.FIRING: Shown("Utløst", "red"),
    AlertPhase.RECOVERING: Shown("På vei over", "yellow"),
    AlertPhase.SILENT: Shown("Sensoren er taus", "purple"),
}
"""What people read for where an alert stands; a test sees that none is missing, as of those below."""
CHANGES: dict[str, Shown] = {
    Change.FIRED: Shown("Utløst", "red"),
    Change.ESCALATED: Shown("Mer alvorlig", "red"),
    Change.EASED: Shown("Mindre alvorlig", "orange"),
    Change.SILENT: Shown("Sensoren ble taus", "purple"),
    Change.HEARD: Shown("Sensoren høres igjen", "blue"),
    Change.FLAPPING: Shown("Kommer og går", "orange"),
    Change.CLEARED: Shown("Over", "green"),
    Change.WITHDRAWN: Shown("Trukket tilbake", "text"),
    Change.REPEATED: Shown("Meldt på nytt", "blue"),
}
FLAPPING = {"true": Shown("Kommer og går", "orange"), "false": Shown("")}
UNITS = {code: Shown(unit.display) for code, unit in UNITS_BY_CODE.items() if unit.display}
"""What people read for the UCUM code of an alert's values."""
