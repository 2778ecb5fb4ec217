"""The example host in Python, the component as it is handed out."""

import os
import sys

import host
from example_hosts import Host

if __name__ == "__main__":
    Host("Python host", sys.argv[1], [sys.executable, host.__file__, os.environ["COMPONENT"]]).check()
