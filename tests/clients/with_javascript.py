"""The example host in JavaScript, the component as it is handed out."""

import os
import shutil
import subprocess
import sys

import host
from example_hosts import Host


def main(folder):
    os.symlink(os.environ["NODE_MODULES"], os.path.join(folder, "node_modules"))
    shutil.copy(os.path.join(os.path.dirname(host.__file__), "host.mjs"), folder)
    jco = os.path.join(folder, "node_modules", ".bin", "jco")
    connector = os.path.join(folder, "connector")
    subprocess.run([jco, "transpile", os.environ["COMPONENT"], "--instantiation", "async", "-o", connector],
                   check=True, stdout=subprocess.DEVNULL)
    script = os.path.join(connector, "confluence_cloud.js")
    Host("JavaScript host", folder, ["node", os.path.join(folder, "host.mjs"), script]).check()


if __name__ == "__main__":
    main(sys.argv[1])
