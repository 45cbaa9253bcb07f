"""What every campaign shares: its result, and how it is run in a process of its own.

A campaign is a file of this folder with a function ``run(seed, size)``: what it does follows from
the seed, and how much of it from the size. It returns what it counted, and what it found wrong.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: So many faults are told; more say no more.
MOST_TOLD = 20


@dataclass
class Result:
    """What a campaign counted by name, and each fault it found: without any it has passed."""

    counts: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults

    def add(self, name: str, number: float = 1) -> None:
        """Count so many more of a thing."""
        self.counts[name] = self.counts.get(name, 0) + number

    def check(self, holds: bool, fault: str) -> None:
        """Note a fault where something does not hold."""
        if not holds and len(self.faults) < MOST_TOLD:
            self.faults.append(fault)


def steps(size: int) -> Iterator[int]:
    """Yield 1 to ``size``, and show on the terminal how far it is."""
    for number in range(1, size + 1):
        if sys.stderr.isatty():
            print(f"\r  {number} of {size} ", end="", file=sys.stderr, flush=True)
        yield number
    if sys.stderr.isatty():
        print("\r" + " " * 30 + "\r", end="", file=sys.stderr, flush=True)


def launch(name: str, seed: int, size: int, timeout_s: float) -> Result:
    """Run a campaign in a process of its own, whatever becomes of that, and return its result."""
    # One thread only: a process with several must not be forked.
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, HERE.parent)))}
    command = [sys.executable, "-W", "error", str(HERE / f"{name}.py"), str(seed), str(size)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        said, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return Result({}, [f"not done after {timeout_s:.0f} s"])
    finally:
        # Whoever it started and left behind goes with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if process.returncode != 0:
        return Result({}, [f"the campaign itself ended with {process.returncode}"])
    return Result(**json.loads(said.splitlines()[-1]))


def main(run: Callable[[int, int], Result]) -> None:
    """Run a campaign as the arguments of the program say, and print its result as JSON."""
    result = run(int(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps(asdict(result), ensure_ascii=False))
