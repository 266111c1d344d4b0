"""What can go wrong in this package. A message is one sentence: what happened, to what, and what to do.

Errors::

    SimulatorError
    ├── UsageError                   what was asked for cannot be done; nothing was started (exit code 2)
    │   ├── DemoFolderError          the folder cannot be the demo's: it holds something else
    │   ├── DemoRunningError         another demo has the folder
    │   ├── DurationError            a text is not a duration
    │   ├── FleetError               the inventory or the accounts cannot give the fleet
    │   ├── RecordingError           a file is not a recording
    │   ├── SoakFolderError          the folder cannot be a soak's: it holds something else
    │   ├── ReplayError              a recording does not make readings of that device
    │   └── TownError                no town can be made of the figures
    └── RunError                     it went wrong while it ran (exit code 1)
        ├── PublishError
        │   ├── BrokerUnreachableError   no connection could be made in the time given
        │   └── AccountRefusedError      the broker refused the account
        └── TallyError               a tally cannot be read or written
"""


class SimulatorError(Exception):
    """Something went wrong in this package."""


class UsageError(SimulatorError):
    """What was asked for cannot be done; nothing was started."""


class DemoFolderError(UsageError):
    """The folder cannot be the demo's."""


class DemoRunningError(UsageError):
    """Another demo has the folder."""


class DurationError(UsageError):
    """A text is not a duration."""


class FleetError(UsageError):
    """The inventory or the accounts cannot give the fleet that was asked for."""


class RecordingError(UsageError):
    """A file is not a recording; the message names the file and the line."""


class ReplayError(UsageError):
    """A recording does not make readings of the device."""


class SoakFolderError(UsageError):
    """The folder cannot be a soak's."""


class TownError(UsageError):
    """No town can be made of the figures."""


class RunError(SimulatorError):
    """It went wrong while it ran."""


class PublishError(RunError):
    """Messages cannot be published."""


class BrokerUnreachableError(PublishError):
    """No connection could be made in the time given."""


class AccountRefusedError(PublishError):
    """The broker refused the account."""


class TallyError(RunError):
    """A tally's file cannot be read or written."""
