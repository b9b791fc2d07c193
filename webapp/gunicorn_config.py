"""How the web processes run: few of them, with threads, loaded once and forked."""

from __future__ import annotations

import gc
import sys
from typing import Any

worker_class = "gthread"
threads = 8
# The stack is loaded once before the fork, so that its memory is shared.
preload_app = True
keepalive = 15
timeout = 60
graceful_timeout = 30
limit_request_line = 8190
limit_request_fields = 60
# The access log would hold callback tokens; ours is written by the application with the route alone.
accesslog = None
errorlog = "-"
# Its control socket would lie in the home folder, shared by two copies, and nobody here uses it.
control_socket_disable = True
# Worker heartbeats go through a file; in memory they do not wake the disk.
worker_tmp_dir = "/dev/shm"  # noqa: S108 # gunicorn makes a private file there


def pre_fork(server: Any, worker: Any) -> None:
    """What is loaded stays shared: the collector would write its marks into every page of it."""
    del server, worker
    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """A forked process must not use its parent's database connections; the receiver alone has opened none."""
    del server, worker
    if "wsgi" in sys.modules:
        from wsgi import forget_connections

        forget_connections()
