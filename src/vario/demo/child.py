"""Runs a module that ends with its parent: `python -m vario.demo.child MODULE [ARGUMENT...]`.

Standard input is a pipe whose other end only the parent holds. However the parent dies, SIGKILL
included, the pipe closes, and the module is told to stop as by `kill`.
"""

import os
import runpy
import signal
import sys
import threading

_GRACE_S = 15.0


def main() -> None:
    """Runs the module named on the command line as the main program."""
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    module, sys.argv = sys.argv[1], sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
