"""Marks for tests of what not every operating system has."""

import sys

import pytest

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this (/proc, limits on memory)")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL and no limit on files")
