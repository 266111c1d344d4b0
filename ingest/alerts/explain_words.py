"""Sentences that say why an alert is in its state, in Norwegian and English; ``{}`` stands for what differs."""

from collections.abc import Mapping
from typing import NamedTuple

from ingest.alerts.words import Language
from schemas.rule import Aggregate, AlertPhase, Change, Severity


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
    field: str
    clears: str
    clears_when: str
    clear_for: str
    at_least: str
    at_most: str
    within: str
    least: str
    keep: str
    derived: Mapping[str, str]
    derived_otherwise: str
    group: Mapping[Aggregate, str]
    reference: str
    doubtful: str
    doubtful_or: str
    doubtful_rate: str
    doubtful_step: str
    doubtful_stuck: str
    doubtful_left: str
    doubtful_heard: str
    phase: Mapping[AlertPhase, str]
    unknown: str
    measured: str
    pending_until: str
    pending_readings: str
    pending_next: str
    fired: str
    severity: str
    severities: Mapping[Severity, str]
    not_clear: str
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
    not_meant="Regelen gjelder ikke {}: Den er laget for andre enheter, steder eller typer, og varsler aldri her.",
    excepted="Regelen har et unntak som sier at {} ikke skal overvåkes.",
    override="For {} gjelder et unntak i regelen, med egne grenser.",
    watches="Regelen «{}» ser på {} og varsler når verdien er {}.",
    watches_silence="Regelen «{}» varsler når enheten ikke har sendt noe på {}.",
    watches_missing="Regelen «{}» varsler når andelen enheter som ikke sender, er {}.",
    above="over {}",
    below="under {}",
    outside="under {} eller over {}",
    is_on="ja",
    is_off="nei",
    at_once="{} ({})",
    for_long="{} i minst {} ({})",
    level="; deretter ",
    field="«{}»",
    clears="Varselet går over når verdien er {}{}.",
    clears_when="Varselet går over når det ikke lenger er slik{}.",
    clear_for=", og dette har vart i {}",
    at_least="minst {}",
    at_most="høyst {}",
    within="mellom {} og {}",
    least="Det må minst {} målinger på rad til før det varsles.",
    keep="Et varsel holdes åpent i minst {}.",
    derived={
        "hour_energy": "forbruket i siste hele klokketime, etter {}",
        "hour_forecast": "forbruket som ventes i denne klokketimen, etter {}",
        "matches": "om {} er en bestemt verdi (1 betyr ja)",
        "mean": "et løpende gjennomsnitt av {}",
        "night_least": "den laveste verdien av {} i løpet av natten",
        "night_use": "forbruket i løpet av natten, etter {}",
        "over": "hvor stor del av tiden {} er over en grense",
        "rate": "hvor fort {} endrer seg",
        "unchanged": "hvor lenge {} har vært nøyaktig det samme",
    },
    derived_otherwise="{} (avledet: {})",
    group={
        Aggregate.SUM: "summen av {} for alle enhetene samlet",
        Aggregate.MEAN: "gjennomsnittet av {} for alle enhetene samlet",
        Aggregate.LEAST: "den laveste {} blant enhetene",
        Aggregate.MOST: "den høyeste {} blant enhetene",
    },
    reference="hvor mye {} skiller seg fra det {} måler",
    doubtful="En verdi for {} er tvilsom når den {}.",
    doubtful_or=" eller ",
    doubtful_rate="endrer seg med mer enn {} på en time",
    doubtful_step="går bakover",
    doubtful_stuck="har vært nøyaktig den samme i {}",
    doubtful_left="En tvilsom verdi verken utløser varselet eller får det til å gå over.",
    doubtful_heard="Denne regelen ser på tvilsomme verdier også.",
    phase={
        AlertPhase.OK: "Varselet er ikke utløst.",
        AlertPhase.PENDING: "Varselet er ikke utløst ennå, men det har vært et avvik siden {}.",
        AlertPhase.FIRING: "Varselet er utløst. Avviket har vart siden {}.",
        AlertPhase.RECOVERING: "Varselet er utløst, men verdien er god igjen. Avviket begynte {}.",
        AlertPhase.SILENT: "Varselet er utløst, men enheten har sluttet å sende, så ingen vet om avviket er der "
        "fortsatt. Varselet går ikke over før enheten sender igjen. Avviket begynte {}.",
    },
    unknown="Ingen måling den siste tiden har vært på feil side av grensen.",
    measured="Verdien som avgjorde dette, var {}, målt {}.",
    pending_until="Hvis avviket varer, utløses varselet {}.",
    pending_readings="Så langt er {} av {} målinger på rad på feil side av grensen.",
    pending_next="Ventetiden er over: Varselet utløses ved neste måling, hvis den også er på feil side av grensen.",
    fired="Varselet ble utløst {}.",
    severity="Alvorlighetsgraden er nå: {}.",
    severities={Severity.INFO: "til orientering", Severity.WARNING: "advarsel", Severity.CRITICAL: "kritisk"},
    not_clear="Verdien har ennå ikke vært god nok til at varselet går over.",
    good_since="Verdien har vært god siden {}. Varselet går over når den har vært god i {}.",
    kept_until="Varselet holdes åpent minst til {}.",
    held="Varselet har kommet og gått {} ganger, og holdes derfor åpent til verdien har vært god i {}.",
    simulated="Målingen er simulert.",
    silent_now="Enheten har ikke sendt noe på {}.",
    not_silent="Enheten regnes ikke som taus.",
    asleep="Regelen er ikke i bruk nå, på grunn av åpningstid eller kalender; alle verdier regnes som gode.",
    asleep_until="Den er i bruk igjen fra {}.",
    awake="Regelen er i bruk nå.",
    inhibited="Ingen får beskjed nå, fordi «{}» er utløst på samme sted og trolig er årsaken.",
    inhibited_not="Når «{}» er utløst på samme sted, får ingen beskjed om dette varselet.",
    maintenance="Ingen får beskjed før {}, på grunn av vedlikehold {}: {} ({}).",
    acknowledged="Kvittert av {} {}.",
    assigned="Tildelt {}.",
    snoozed="Utsatt til {}: Ingen får beskjed før da, med mindre det blir verre.",
    last="{}: {}.",
    change={
        Change.FIRED: "utløst",
        Change.ESCALATED: "ble verre",
        Change.EASED: "ble mildere",
        Change.SILENT: "enheten sluttet å sende",
        Change.HEARD: "enheten sender igjen",
        Change.FLAPPING: "kommer og går, og holdes derfor åpent",
        Change.CLEARED: "gikk over",
        Change.WITHDRAWN: "trukket tilbake, fordi regelen eller enheten er borte",
        Change.REPEATED: "meldt på nytt",
    },
    private="Det som måles, er personopplysninger: Vis ikke verdien til andre enn dem som trenger den.",
)
ENGLISH = Sentences(
    no_rule="There is no rule called {}.",
    no_device="{} is not in the inventory.",
    not_meant="The rule does not speak of {}: it is for other devices, sites or types, and can never fire here.",
    excepted="An exception of the rule says that {} is not watched.",
    override="An exception of the rule, with limits of its own, applies to {}.",
    watches='The rule "{}" looks at {}, and alerts when the value is {}.',
    watches_silence='The rule "{}" alerts when the device has sent nothing for {}.',
    watches_missing='The rule "{}" alerts when the share of devices that send nothing is {}.',
    above="above {}",
    below="below {}",
    outside="below {} or above {}",
    is_on="yes",
    is_off="no",
    at_once="{} ({})",
    for_long="{} for at least {} ({})",
    level="; then ",
    field='"{}"',
    clears="The alert clears when the value is {}{}.",
    clears_when="The alert clears when that is no longer so{}.",
    clear_for=", and that has lasted for {}",
    at_least="at least {}",
    at_most="at most {}",
    within="between {} and {}",
    least="It takes at least {} readings in a row to fire.",
    keep="An alert is kept open for at least {}.",
    derived={
        "hour_energy": "the use in the last whole clock hour, by {}",
        "hour_forecast": "the use expected in this clock hour, by {}",
        "matches": "whether {} is a certain value (1 means yes)",
        "mean": "a running mean of {}",
        "night_least": "the lowest value of {} in the course of the night",
        "night_use": "the use in the course of the night, by {}",
        "over": "for how much of the time {} is above a limit",
        "rate": "how fast {} changes",
        "unchanged": "for how long {} has been exactly the same",
    },
    derived_otherwise="{} (derived: {})",
    group={
        Aggregate.SUM: "the sum of {} of all the devices together",
        Aggregate.MEAN: "the mean of {} of all the devices together",
        Aggregate.LEAST: "the lowest {} among the devices",
        Aggregate.MOST: "the highest {} among the devices",
    },
    reference="how much {} differs from what {} measures",
    doubtful="A value of {} is doubtful when it {}.",
    doubtful_or=" or ",
    doubtful_rate="changes by more than {} in an hour",
    doubtful_step="goes back",
    doubtful_stuck="has been exactly the same for {}",
    doubtful_left="A doubtful value neither fires nor clears the alert.",
    doubtful_heard="This rule hears doubtful values too.",
    phase={
        AlertPhase.OK: "The alert does not fire.",
        AlertPhase.PENDING: "The alert does not fire yet, but something has been wrong since {}.",
        AlertPhase.FIRING: "The alert fires. It has been wrong since {}.",
        AlertPhase.RECOVERING: "The alert fires, but the value is good again. It was wrong from {}.",
        AlertPhase.SILENT: "The alert fires, but the device has stopped sending, so nobody knows whether it is still "
        "wrong. The alert does not clear before the device sends again. It was wrong from {}.",
    },
    unknown="No reading has been beyond the limit lately.",
    measured="The value that decided this was {}, measured {}.",
    pending_until="If it stays so, the alert fires {}.",
    pending_readings="So far {} of {} readings in a row are beyond the limit.",
    pending_next="The wait is over: the alert fires with the next reading, if that is beyond the limit too.",
    fired="The alert fired {}.",
    severity="Its severity is now: {}.",
    severities={Severity.INFO: "information", Severity.WARNING: "warning", Severity.CRITICAL: "critical"},
    not_clear="The value has not been good enough yet for the alert to clear.",
    good_since="The value has been good since {}. The alert clears when it has been good for {}.",
    kept_until="The alert is kept open until {} at least.",
    held="The alert has come and gone {} times, and is therefore kept open until the value has been good for {}.",
    simulated="The reading is simulated.",
    silent_now="The device has sent nothing for {}.",
    not_silent="The device does not count as silent.",
    asleep="The rule is not in use now, because of opening hours or the calendar; every value counts as good.",
    asleep_until="It is in use again from {}.",
    awake="The rule is in use now.",
    inhibited='Nobody is told now, because "{}" fires at the same site and is probably the cause.',
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
        Change.HEARD: "the device sends again",
        Change.FLAPPING: "comes and goes, and is therefore kept open",
        Change.CLEARED: "cleared",
        Change.WITHDRAWN: "withdrawn, because the rule or the device is gone",
        Change.REPEATED: "told again",
    },
    private="What is measured says something about a person: show the value only to those who need it.",
)
SENTENCES: Mapping[Language, Sentences] = {Language.NB: NORWEGIAN, Language.EN: ENGLISH}
