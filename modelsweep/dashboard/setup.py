"""Setting up a scan: what the form offers, the words that `submit` would be given for it, and who lists it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from redis.exceptions import RedisError

from modelsweep.fleet.answers import LedgerFault
from modelsweep.fleet.messages import BrokerFault
from modelsweep.fleet.redis_faults import explain
from modelsweep.fleet.store import StoreFault
from producer.submit import Superseded

if TYPE_CHECKING:
    from modelsweep.fleet.job import JobSpec
    from modelsweep.jobs import Fleet
    from producer.submit import Producer

TARGETS = "targets"
AT_ONCE = 8
"""Jobs that are listed here at a time."""
MOST_WORDS = 1_000
"""Targets and options of one job: longer lists are for `submit --targets-from`."""
PATIENCE = 5.0
"""Seconds that listings have to end in good order."""

Values = Mapping[str, Sequence[str]]
"""What was filled in, by the name of the field."""


class Refused(ValueError):
    """A scan cannot be set up as it was asked for; the sentence says why."""


class Field(NamedTuple):
    """An option of `submit` as a field of the form; `lines` and `choices` may be several values."""

    flag: str
    label: str
    help: str
    kind: Literal["line", "lines", "choice", "choices", "switch"]
    choices: Sequence[str] = ()
    default: str = ""

    @property
    def name(self) -> str:
        """What it is called in a form."""
        return self.flag.lstrip("-")

    def words(self, values: Sequence[str]) -> Iterator[str]:
        """Yield what is typed for these values of the field; raises Refused for what is none of its choices."""
        if self.kind == "switch":
            yield from [self.flag] if any(values) else []
            return
        if self.kind == "choices" and (others := {*values} - {*self.choices}):
            raise Refused(f"{self.label}: there is no {min(others)!r}.")
        texts = [line for value in values for line in value.splitlines()] if self.kind == "lines" else values
        yield from (f"{self.flag}={text.strip()}" for text in texts if text.strip() and text.strip() != self.default)


def words_of(fields: Sequence[Field], values: Values) -> list[str]:
    """Return the words after `submit` that ask for what was filled in; raises Refused where that is no scan."""
    if unknown := values.keys() - {TARGETS, *(field.name for field in fields)}:
        raise Refused(f"Unknown field {min(unknown)!r}: the form is from another version of this page.")
    targets = [line.strip() for text in values.get(TARGETS, ()) for line in text.splitlines() if line.strip()]
    if not targets:
        raise Refused("Nothing to scan: name a file, a folder or an address.")
    words = [word for field in fields for word in field.words(values.get(field.name, ()))]
    if len(words) + len(targets) > MOST_WORDS:
        raise Refused(
            f"More than {MOST_WORDS:,} targets and options: use `modelsweep submit --targets-from` for longer lists."
        )
    return [*words, "--", *targets]


class Setup(NamedTuple):
    """What may be set up: the fields of the form, the places below which targets may be, and what makes a job of words.

    `specify` raises Refused.
    """

    fields: Sequence[Field]
    roots: Sequence[str]
    specify: Callable[[Sequence[str]], JobSpec]


class Listings:
    """Lists the jobs that were set up here, each in a thread with a fleet of its own."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self.failures: dict[str, str] = {}
        """Why a job is not listed any further, by its id."""

    def begin(self, spec: JobSpec) -> None:
        """Create a job, and list it from now on; raises Refused where too many are, and as creating a job does."""
        with self._lock:
            self._threads = {job: thread for job, thread in self._threads.items() if thread.is_alive()}
            if len(self._threads) >= AT_ONCE:
                raise Refused(f"{AT_ONCE} jobs are being listed: wait until one of them is done.")
            fleet = self._fleet.another()
            producer = fleet.producer(spec, self._stop)
            try:
                producer.create()
            except BaseException:
                fleet.close()
                raise
            thread = threading.Thread(target=self._list, args=(fleet, producer, spec.id), name="producer", daemon=True)
            self._threads[spec.id] = thread
            thread.start()

    def _list(self, fleet: Fleet, producer: Producer, job: str) -> None:
        with fleet:
            try:
                producer.run()
            except RedisError as error:
                self.failures[job] = str(explain(error))
            except Superseded:
                pass  # it was cancelled, or somebody else goes on: its state says so
            except (LedgerFault, StoreFault, BrokerFault) as fault:
                self.failures[job] = str(fault)

    def close(self) -> list[str]:
        """Stop listing, and return the jobs that are listed in part: `submit --resume` goes on with them."""
        self._stop.set()
        with self._lock:
            going = {job: thread for job, thread in self._threads.items() if thread.is_alive()}
        for thread in going.values():
            thread.join(PATIENCE)
        return [*going]
