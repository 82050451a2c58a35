"""The worker process: an engine that runs until it is asked to end."""

import logging
import signal
import threading
from collections.abc import Sequence
from types import FrameType

from store.settings import Settings
from store.vocabulary import Queue
from worker.engine.engine import Engine
from worker.engine.telling import JobLogHandler

log = logging.getLogger(__name__)


def serve(settings: Settings, *, device: str | None = None, queues: Sequence[Queue] = tuple(Queue)) -> None:
    """Work until SIGTERM or SIGINT; what runs then goes on when this worker, or another, is started."""
    ending = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    logging.getLogger().addHandler(JobLogHandler(logging.INFO))
    engine = Engine(settings, device=device, queues=queues)
    engine.start()
    log.warning("worker '%s' takes jobs (%s)", engine.name, ", ".join(queue.value for queue in engine.queues))
    ending.wait()
    log.warning("worker '%s' leaves", engine.name)
    engine.stop()
