"""The command `seqpred`, run by the server of `tests.cli.warm`.

`python -S warm_command.py FD ARGUMENTS...`: FD is the inherited socket of the server.
"""

import json
import os
import socket
import struct
import sys


def main() -> int:
    channel = socket.socket(fileno=int(sys.argv[1]))
    end, theirs = os.pipe()
    message = json.dumps({"args": sys.argv[2:], "place": os.getcwd(), "environment": dict(os.environ)})
    socket.send_fds(channel, [message.encode()], [0, 1, 2, theirs])
    for fd in (0, 1, 2, theirs):  # the other end of a pipe must see that it is closed
        os.close(fd)
    code = os.waitstatus_to_exitcode(struct.unpack("i", os.read(end, 4))[0])
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(main())
