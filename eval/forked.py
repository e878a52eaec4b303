"""Imported by the server that worker processes are forked from, and by nothing else: it ends with the main process.

While it has children the server would live on, and they with it, when the main process is killed.
"""

import ctypes
import signal

ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG
