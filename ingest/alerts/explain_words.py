"""Sentences that say why an alert is in its state, in Norwegian and English; ``{}`` stands for what differs."""

from collections.abc import Mapping
from typing import NamedTuple

from ingest.notify.contact import Language
from schemas.rule import Aggregate, AlertPhase, Change


class Sentences(NamedTuple):
    """Everything that an explanation can say in one language."""

    no_rule: str
    no_device: str
    not_meant: str
    excepted: str
    override: str
    watches: str
    watches_silence: str
    watches_missing: str
    above: str
    below: str
    outside: str
    is_on: str
    is_off: str
    at_once: str
    for_long: str
    level: str
    clears: str
    clears_when: str
    clear_for: str
    least: str
    keep: str
    derived: Mapping[str, str]
    derived_otherwise: str
    group: Mapping[Aggregate, str]
    reference: str
    phase: Mapping[AlertPhase, str]
    unknown: str
    measured: str
    pending_until: str
    pending_readings: str
    pending_next: str
    fired: str
    severity: str
    still_beyond: str
    between: str
    good_since: str
    kept_until: str
    held: str
    simulated: str
    silent_now: str
    not_silent: str
    asleep: str
    asleep_until: str
    awake: str
    inhibited: str
    inhibited_not: str
    maintenance: str
    acknowledged: str
    assigned: str
    snoozed: str
    last: str
    change: Mapping[Change, str]
    private: str


NORWEGIAN = Sentences(
    no_rule="Det finnes ingen regel som heter {}.",
    no_device="{} finnes ikke i anleggsregisteret.",
    not_meant="Regelen gjelder ikke {}: den er for andre enheter, steder eller typer, og kan aldri utløses her.",
    excepted="Regelen har et unntak som sier at {} ikke skal overvåkes.",
    override="For {} gjelder et unntak i regelen, med egne grenser.",
    watches="Regelen «{}» ser på {} og varsler når verdien er {}.",
    watches_silence="Regelen «{}» varsler når enheten har tidd i {}.",
    watches_missing="Regelen «{}» varsler når andelen enheter som tier, er {}.",
    above="over {}",
    below="under {}",
    outside="under {} eller over {}",
    is_on="ja",
    is_off="nei",
    at_once="{} ({})",
    for_long="{} i minst {} ({})",
    level="; så ",
    clears="Varselet går over når verdien er {}{}.",
    clears_when="Varselet går over når det ikke lenger er slik{}.",
    clear_for=" i {}",
    least="Det må til minst {} målinger på rad.",
    keep="Et varsel varer i minst {}.",
    derived={
        "hour_energy": "forbruket i siste hele klokketime, av {}",
        "hour_forecast": "det forbruket som klokketimen ser ut til å få, av {}",
        "matches": "om {} er en bestemt verdi (1 for ja)",
        "mean": "et løpende gjennomsnitt av {}",
        "night_least": "det minste i løpet av natten, av {}",
        "night_use": "forbruket i løpet av natten, av {}",
        "over": "hvor stor del av tiden verdien er over en grense, av {}",
        "rate": "hvor fort verdien endrer seg, av {}",
        "unchanged": "hvor lenge verdien har vært nøyaktig den samme, av {}",
    },
    derived_otherwise="{} (avledet: {})",
    group={
        Aggregate.SUM: "summen av {} for alle enhetene samlet",
        Aggregate.MEAN: "gjennomsnittet av {} for alle enhetene samlet",
        Aggregate.LEAST: "den laveste {} blant enhetene",
        Aggregate.MOST: "den høyeste {} blant enhetene",
    },
    reference="forskjellen i {} fra {}",
    phase={
        AlertPhase.OK: "Varselet er ikke utløst.",
        AlertPhase.PENDING: "Varselet er ikke utløst ennå, men betingelsen er oppfylt siden {}.",
        AlertPhase.FIRING: "Varselet er utløst; betingelsen har vært oppfylt siden {}.",
        AlertPhase.RECOVERING: "Varselet er utløst, men verdien er god igjen; betingelsen var oppfylt fra {}.",
        AlertPhase.SILENT: "Varselet er utløst, og enheten har sluttet å sende: ingen vet om det fortsatt er slik. "
        "Det går ikke over av seg selv før enheten høres igjen. Betingelsen har vært oppfylt siden {}.",
    },
    unknown="Ingen verdi har hittil vært på feil side av grensen, eller det er lenge siden sist.",
    measured="Siste verdi som betød noe, var {}, målt {}.",
    pending_until="Holder det seg slik, utløses varselet {}.",
    pending_readings="{} av {} målinger på rad er på feil side av grensen.",
    pending_next="Tiden er gått; varselet utløses ved neste måling, hvis den også er på feil side av grensen.",
    fired="Det ble utløst {}.",
    severity="Alvorligheten er nå «{}».",
    still_beyond="Verdien er fortsatt på feil side av grensen {}.",
    between="Verdien er mellom grensen og nivået der varselet går over; der endrer ingenting seg.",
    good_since="Verdien har vært god siden {}; varselet går over når den har vært det i {}.",
    kept_until="Varselet holdes åpent til tidligst {}.",
    held="Det har kommet og gått {} ganger, og holdes åpent til verdien har vært god i {}.",
    simulated="Målingen er simulert.",
    silent_now="Enheten har tidd i {}.",
    not_silent="Enheten høres som den skal.",
    asleep="Regelen overvåkes ikke nå, på grunn av åpningstid eller kalender; nå regnes alle verdier som gode.",
    asleep_until="Den overvåkes igjen fra {}.",
    awake="Regelen overvåkes nå.",
    inhibited="Ingen får beskjed nå, fordi «{}» er utløst på samme sted og forklarer det.",
    inhibited_not="Når «{}» er utløst på samme sted, får ingen beskjed om dette varselet.",
    maintenance="Ingen får beskjed før {}, på grunn av vedlikehold {}: {} ({}).",
    acknowledged="Kvittert av {} {}.",
    assigned="Tildelt {}.",
    snoozed="Utsatt til {}; ingen får beskjed før da, med mindre det blir verre.",
    last="{}: {}.",
    change={
        Change.FIRED: "utløst",
        Change.ESCALATED: "ble verre",
        Change.EASED: "ble mildere",
        Change.SILENT: "enheten sluttet å sende",
        Change.HEARD: "enheten høres igjen",
        Change.FLAPPING: "kommer og går, og holdes åpent",
        Change.CLEARED: "gikk over",
        Change.WITHDRAWN: "trukket tilbake, fordi regelen eller enheten er borte",
        Change.REPEATED: "fortalt på nytt",
    },
    private="Det som måles, er personopplysninger: vis ikke verdien til andre enn dem som trenger den.",
)
ENGLISH = Sentences(
    no_rule="There is no rule called {}.",
    no_device="{} is not in the inventory.",
    not_meant="The rule does not speak of {}: it is for other devices, sites or types, and can never fire here.",
    excepted="An exception of the rule says that {} is not watched.",
    override="An exception of the rule, with limits of its own, applies to {}.",
    watches='The rule "{}" looks at {}, and alerts when the value is {}.',
    watches_silence='The rule "{}" alerts when the device has been silent for {}.',
    watches_missing='The rule "{}" alerts when the share of devices that are silent is {}.',
    above="above {}",
    below="below {}",
    outside="below {} or above {}",
    is_on="yes",
    is_off="no",
    at_once="{} ({})",
    for_long="{} for at least {} ({})",
    level="; then ",
    clears="The alert clears when the value is {}{}.",
    clears_when="The alert clears when that is no longer so{}.",
    clear_for=" for {}",
    least="It takes at least {} readings in a row.",
    keep="An alert lasts for at least {}.",
    derived={
        "hour_energy": "the use in the last whole clock hour, of {}",
        "hour_forecast": "the use that the clock hour seems to get, of {}",
        "matches": "whether {} is a certain value (1 for yes)",
        "mean": "a running mean of {}",
        "night_least": "the least in the course of the night, of {}",
        "night_use": "the use in the course of the night, of {}",
        "over": "for which share of the time the value is above a limit, of {}",
        "rate": "how fast the value changes, of {}",
        "unchanged": "for how long the value has been exactly the same, of {}",
    },
    derived_otherwise="{} (derived: {})",
    group={
        Aggregate.SUM: "the sum of {} of all the devices together",
        Aggregate.MEAN: "the mean of {} of all the devices together",
        Aggregate.LEAST: "the lowest {} among the devices",
        Aggregate.MOST: "the highest {} among the devices",
    },
    reference="the difference in {} from {}",
    phase={
        AlertPhase.OK: "The alert does not fire.",
        AlertPhase.PENDING: "The alert does not fire yet, but the condition has held since {}.",
        AlertPhase.FIRING: "The alert fires; the condition has held since {}.",
        AlertPhase.RECOVERING: "The alert fires, but the value is good again; the condition held from {}.",
        AlertPhase.SILENT: "The alert fires, and the device has stopped sending: nobody knows whether it is still so. "
        "It does not clear by itself before the device is heard again. The condition has held since {}.",
    },
    unknown="No value has been beyond the limit so far, or the last one was long ago.",
    measured="The last value that mattered was {}, measured {}.",
    pending_until="If it stays so, the alert fires {}.",
    pending_readings="{} of {} readings in a row are beyond the limit.",
    pending_next="The time is up; the alert fires with the next reading, if that is beyond the limit too.",
    fired="It fired {}.",
    severity='Its severity is now "{}".',
    still_beyond="The value is still beyond the limit {}.",
    between="The value is between the limit and the level at which the alert clears; there nothing changes.",
    good_since="The value has been good since {}; the alert clears when it has been for {}.",
    kept_until="The alert is kept until {} at least.",
    held="It has come and gone {} times, and is held until the value has been good for {}.",
    simulated="The reading is simulated.",
    silent_now="The device has been silent for {}.",
    not_silent="The device is heard as it should be.",
    asleep="The rule is not watched now, because of opening hours or the calendar; every value counts as good now.",
    asleep_until="It is watched again from {}.",
    awake="The rule is watched now.",
    inhibited='Nobody is told now, because "{}" fires at the same site and explains it.',
    inhibited_not='While "{}" fires at the same site, nobody is told of this alert.',
    maintenance="Nobody is told before {}, because of maintenance {}: {} ({}).",
    acknowledged="Acknowledged by {} {}.",
    assigned="Assigned to {}.",
    snoozed="Snoozed until {}; nobody is told before, unless it gets worse.",
    last="{}: {}.",
    change={
        Change.FIRED: "fired",
        Change.ESCALATED: "got worse",
        Change.EASED: "got milder",
        Change.SILENT: "the device stopped sending",
        Change.HEARD: "the device is heard again",
        Change.FLAPPING: "comes and goes, and is held",
        Change.CLEARED: "cleared",
        Change.WITHDRAWN: "withdrawn, because the rule or the device is gone",
        Change.REPEATED: "told again",
    },
    private="What is measured says something about a person: show the value only to those who need it.",
)
SENTENCES: Mapping[Language, Sentences] = {Language.NB: NORWEGIAN, Language.EN: ENGLISH}
