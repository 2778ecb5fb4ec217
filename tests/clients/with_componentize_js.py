"""A connector in JavaScript."""

import os
import shutil
import subprocess
import sys

import foreign


def main(folder):
    component = os.path.join(folder, "rooms.wasm")
    # Node looks for packages beside the script.
    os.symlink(os.environ["NODE_MODULES"], os.path.join(folder, "node_modules"))
    script = shutil.copy(os.path.join(foreign.CONNECTORS, "build.mjs"), folder)
    source = os.path.join(foreign.CONNECTORS, "rooms.mjs")
    subprocess.run(["node", script, source, foreign.contract(folder), component], check=True)
    foreign.check("componentize-js", folder, component)


if __name__ == "__main__":
    main(sys.argv[1])
