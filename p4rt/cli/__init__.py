# SPDX-License-Identifier: Apache-2.0
"""The commands, one module each."""

import os
import signal
import sys

# An interrupt while the modules of a command are loaded ends it in silence; `command.finish`
# puts Python's own handling back.
if (
    os.path.basename(sys.argv[0]).startswith("p4rt-")
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
