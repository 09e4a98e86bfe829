"""RPi.GPIO without pins: a capacitor that charges through a photoresistor in a day of a minute.

In PYTHONPATH it comes before the real one; no image for a device holds it.
"""
import math
import sys
import time

BCM, OUT, IN, LOW, HIGH = 11, 0, 1, 0, 1

_charging_since = None
_seconds = 0.0


def _tell(text):
    print(f"gpio-sim: {text}", file=sys.stderr, flush=True)


def setmode(mode):
    _tell("numbers are the chip's" if mode == BCM else f"mode {mode}")


def setup(channel, direction, initial=LOW):
    global _charging_since, _seconds
    if direction == OUT:
        _tell(f"{channel}={initial}")
        _charging_since = None
        return
    sun = max(0.0, math.sin(time.time() % 60.0 / 60.0 * 2.0 * math.pi))
    _seconds = 0.02 / (0.1 + sun)
    _charging_since = time.monotonic()


def input(channel):
    charged = _charging_since is not None and time.monotonic() - _charging_since >= _seconds
    return HIGH if charged else LOW


def cleanup():
    _tell("lines given back")
