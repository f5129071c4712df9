"""Fixtures for all tests: one real server for each test process, on a port of its own, with the embedded engine; and
the distribution of tests over processes.
"""

from __future__ import annotations

import gc
import re
import signal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import pytest
from xdist.scheduler.loadfile import LoadFileScheduling

from tests.live import gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

IN_WORKERD: Final = re.compile(r"tests/worker/|\[workerd")
"""Ids of the tests that need a Worker, which takes seconds to start and a core while it does."""


class Scheduling(LoadFileScheduling):
    """A file's tests stay in one process, and so do all that need a Worker."""

    def _split_scope(self, nodeid: str) -> str:
        return "workerd" if IN_WORKERD.search(nodeid) else str(super()._split_scope(nodeid))


def pytest_configure() -> None:
    """Takes Ctrl-C, which a run that a shell starts in the background ignores, and what it starts would, too; draws the
    examples of property tests from a fixed seed, each for as long as it takes.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if find_spec("hypothesis"):  # scripts/diffusers-test does without
        from hypothesis import settings

        settings.register_profile("fixed seed", derandomize=True, deadline=None)
        settings.load_profile("fixed seed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """The marker ``xdist_group`` would do, but for pytest 9.2, under which pytest-xdist 3.8 does not see it."""
    return Scheduling(config, log)


@pytest.fixture(scope="module", autouse=True)
def no_leaks() -> Iterator[None]:
    """Collects garbage after each file, so that what its tests left open is an error there and not in a later file.

    ``filterwarnings`` makes an error of the ResourceWarning, and pytest fails the last test of the file.
    """
    yield
    gc.collect()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Origin of a gateway with the settings as they come."""
    with gateway(tmp_path_factory.mktemp("images")) as origin:
        yield origin


@pytest.fixture(scope="session")
def base64_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Origin of a gateway that answers base64 when the request does not say, as docs/clients.md advises for some."""
    with gateway(tmp_path_factory.mktemp("images"), DEFAULT_RESPONSE_FORMAT="b64_json") as origin:
        yield origin
