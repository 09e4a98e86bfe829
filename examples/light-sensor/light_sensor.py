#!/usr/bin/python3
"""Prints how bright it is, by the time that a capacitor takes to charge through a photoresistor.

The photoresistor lies between 3.3 V and the pin, the capacitor between the pin and ground: the
brighter it is, the sooner the pin reads high. The environment says how things are wired:

  LIGHT_PIN       the pin's GPIO number (4)
  LIGHT_FARAD     the capacitor (1e-6)
  LIGHT_INTERVAL  seconds between two lines (2)

With --once it prints one line. SIGTERM ends it with 0.
"""
import os
import signal
import sys
import time

try:
    import RPi.GPIO as GPIO
except RuntimeError as error:  # what the module says where there are no pins
    sys.exit(f"light_sensor: {error}")

DISCHARGE = 0.05  # seconds until the capacitor is surely empty
DARK = 2.0  # seconds after which it counts as dark
THRESHOLD = 0.78  # charge in RCs at which the pin reads high: -ln(1 - 1.8 V / 3.3 V)


def setting(name, default):
    text = os.environ.get(name, default)
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if number <= 0.0:
        sys.exit(f"light_sensor: {name}: a number above 0, not {text}")
    return number


def charging_time(pin):
    """Seconds until the pin reads high, at most DARK."""
    GPIO.setup(pin, GPIO.OUT, initial=GPIO.LOW)
    time.sleep(DISCHARGE)
    GPIO.setup(pin, GPIO.IN)
    start = time.monotonic()
    while not GPIO.input(pin):
        if time.monotonic() - start > DARK:
            return DARK
    return max(time.monotonic() - start, 1e-6)


def lux(seconds, farad):
    """A GL5528 has some 15 kΩ at 10 lux, and falls to a fifth for ten times the light."""
    ohm = seconds / (THRESHOLD * farad)
    return 10.0 * (15000.0 / ohm) ** (1.0 / 0.7)


def stop(_number, _frame):
    sys.exit(0)


def main():
    pin = int(setting("LIGHT_PIN", "4"))
    farad = setting("LIGHT_FARAD", "1e-6")
    interval = setting("LIGHT_INTERVAL", "2")
    once = sys.argv[1:] == ["--once"]
    if sys.argv[1:] and not once:
        sys.exit("usage: light_sensor.py [--once]")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    GPIO.setmode(GPIO.BCM)
    try:
        while True:
            seconds = charging_time(pin)
            if seconds >= DARK:
                print("light: dark", flush=True)
            else:
                print(f"light: {lux(seconds, farad):.1f} lux", flush=True)
            if once:
                break
            time.sleep(interval)
    finally:
        GPIO.cleanup()


if __name__ == "__main__":
    main()
