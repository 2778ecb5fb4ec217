"""A connector in Python."""

import os
import subprocess
import sys

import foreign


def main(folder):
    component = os.path.join(folder, "rooms.wasm")
    command = [os.path.join(os.path.dirname(sys.executable), "componentize-py"), "-d", foreign.contract(folder),
               "-w", "connector", "componentize", "-p", foreign.CONNECTORS, "rooms", "-o", component]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    foreign.check("componentize-py", folder, component)


if __name__ == "__main__":
    main(sys.argv[1])
