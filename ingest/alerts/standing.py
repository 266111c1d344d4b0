"""Standing: where a Rule stands for each subject, what its derivation remembers of each, and what of that is stored.

A derivation may remember a hundred numbers of a device, and each reading adds one. So what goes to the store with a
batch is what was heard, time and value; who reads it has it heard again (``restore``). What a derivation remembers as a
whole goes there from time to time, see ``ingest.store_states``. In ``RuleState.state`` a whole state is a list of one,
what was heard a list of two.
"""

from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from ingest.batch import AlertRecord, RuleState
from ingest.shard import find_shard
from schemas.derivation import Calm, Derivation, State, copy_state

Heard = tuple[str, int, float]
"""Device, event time, and value."""

_make = partial(tuple.__new__, RuleState)
"""A RuleState for the hot path, without the call that gives its numbers names: half the time."""


@dataclass(slots=True)
class Standing:
    """Where a Rule stands for each subject that is not OK, and what its derivation remembers of each.

    Attributes:
        digest: See ``ingest.alerts.watch.digest_watch``; of the Rule whose states these are.
        records: By subject.
        states: By subject. Those of devices change in place; those of groups and differences never do.
        begun: Devices whose states have begun since the store was last told; what it has of them is of old.
        heard: What states of devices remember more since then, in order.
        moved: Groups and devices of differences whose states changed since then.
        calms: Devices that are well, and while which values theirs need not be asked about; of them nothing is in
            ``records``. It may be emptied at any time.
    """

    digest: int = 0
    records: dict[str, AlertRecord] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    begun: dict[str, None] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    moved: dict[str, None] = field(default_factory=dict)
    calms: dict[str, Calm] = field(default_factory=dict)
    _shards: dict[int, list[str]] = field(default_factory=dict)
    _sharded: int = 0

    def become(self, digest: int) -> None:
        """Begin anew with states, where the Rule makes another thing of readings now; limits may be others anyway."""
        self.calms.clear()
        if digest != self.digest:
            self.digest = digest
            self.states.clear()
            self._shards.clear()
            self._sharded = 0
            self._forget_news()

    def hear(self, derivation: Derivation, device: str, heard: tuple[int, float], limits: tuple[float, float]) -> None:
        """Have the derivation remember one more event time and value of a device."""
        self.calms.pop(device, None)
        before = self.states.get(device)
        time_ms, value = heard
        after = derivation.hear(before, time_ms, value, *limits)
        if after is not None:
            if before is None:
                self.begun[device] = None
            self.states[device] = after
            self.heard.append((device, time_ms, value))

    def keep(self, subject: str, state: State) -> None:
        """Remember something else of a group, or of a device of a difference."""
        self.states[subject] = state
        self.moved[subject] = None

    def take_states(self, rule: str) -> list[RuleState]:
        """Return what changed since the last call, in the order in which it is to be restored.

        Args:
            rule: Key of the Rule.
        """
        if not self.heard and not self.moved:
            return []
        digest = self.digest
        taken = [RuleState(rule, subject, [self.states[subject]], digest) for subject in self.moved]
        taken += [RuleState(rule, device, [None], digest) for device in self.begun]
        taken += [_make((rule, device, [time_ms, value], digest)) for device, time_ms, value in self.heard]
        self._forget_news()
        return taken

    def copy_states(self, rule: str, shard: int) -> list[RuleState]:
        """Return what is remembered of the subjects of a shard, so that it does not change while it is written.

        Args:
            rule: Key of the Rule.
            shard: See ``ingest.shard``.
        """
        # States only come, in the order of the dictionary, until all go: looking at all of them again for each shard
        # would be 64 looks at each state.
        for subject in islice(self.states, self._sharded, None):
            self._shards.setdefault(find_shard(subject), []).append(subject)
        self._sharded = len(self.states)
        states = self.states
        return [RuleState(rule, one, [copy_state(states[one])], self.digest) for one in self._shards.get(shard, ())]

    def restore(self, derivation: Derivation, subject: str, said: State, limits: tuple[float, float]) -> None:
        """Remember again what was stored; see the module's docstring."""
        self.calms.pop(subject, None)
        match said:
            case [state]:
                self.states[subject] = state
            case [time_ms, value]:
                state = derivation.hear(self.states.get(subject), time_ms, value, *limits)
                if state is not None:
                    self.states[subject] = state

    def _forget_news(self) -> None:
        self.begun.clear()
        self.heard.clear()
        self.moved.clear()
