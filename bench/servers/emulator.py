"""The emulator of Workers AI without its limits a minute and a day, for benches that send more than an account may.

python bench/servers/emulator.py --port 9100 --faults "3040:0.05,drop:0.05"
"""

from __future__ import annotations

import argparse
import socket

from cloudflare_image_mcp.emulator import EmulatorOptions, make_server

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--faults", default="")
    options = parser.parse_args()
    server = make_server(EmulatorOptions(faults=options.faults, daily_neurons=1e15, requests_per_minute=10**9))
    server.run([socket.create_server(("127.0.0.1", options.port))])
