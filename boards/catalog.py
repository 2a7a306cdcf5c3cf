"""The boards that bitstreams are made for."""

import dataclasses

from pqhw.spec.devices import DEVICES, Device
from pqhw.spec.fields import SpecError

from .board import Board

__all__ = ["BOARDS", "SIMULATED", "board"]

FTDI = 0x0403
FT2232H, FT231X = (FTDI, 0x6010), (FTDI, 0x6015)
SIMULATED = "sim"
"""The board of those who have none: the portable RTL, with a short bit time."""

ECP5_BUFFER, ICE40_BUFFER, GOWIN_BUFFER = 2048, 512, 2048

EVN_PART = dataclasses.replace(
    DEVICES["lfe5u-85f"], name="lfe5um5g-85f", title="Lattice ECP5-5G LFE5UM5G-85F",
    option="um5g-85k", speed=8)
CRAB_PART = dataclasses.replace(DEVICES["lfe5u-25f"], package="CSFBGA285", speed=8)
NANO_PART = Device(
    name="gw1nr-9c", family="gowin", title="Gowin GW1NR-9C", option="GW1NR-LV9QN88PC6/I5",
    package="GW1N-9C", speed=0, clock_mhz=200, luts=8640, ffs=6480, brams=26, bram_bits=18432,
    dsps=0, dsp_bits=18, lutram=False)

BOARDS = {one.name: one for one in (
    Board(name="ulx3s-85f", title="Radiona ULX3S-85F", part=DEVICES["lfe5u-85f"],
          platform=("ulx3s", "ULX3S_85F_Platform"), uart=("uart", 0),
          lights=(("led", 0), ("led", 1), ("led", 2), ("led", 3)),
          pll="EHXPLLL", packing=("--compress",), buffer_bytes=ECP5_BUFFER, usb_ids=(FT231X,),
          program="openFPGALoader -b ulx3s -m {file}"),
    Board(name="ecp5-evn", title="Lattice ECP5 evaluation board", part=EVN_PART,
          platform=("ecp5_5g_evn", "ECP55GEVNPlatform"), uart=("uart", 0),
          lights=(("led", 0), ("led", 1), ("led", 2), ("led", 3)),
          pll="EHXPLLL", packing=("--compress",), buffer_bytes=ECP5_BUFFER, usb_ids=(FT2232H,),
          program="openFPGALoader -b ecp5_evn {file}",
          note="its adapter's serial lines reach the FPGA only after two resistors are placed "
               "(user manual, section 6.2)"),
    Board(name="orangecrab", title="OrangeCrab r0.2 (25F)", part=CRAB_PART,
          platform=("orangecrab_r0_2", "OrangeCrabR0_2_25FPlatform"), uart=("0", "1"),
          lights=(("rgb_led", 0, "g"), ("rgb_led", 0, "b"), ("rgb_led", 0, "r"), None),
          pll="EHXPLLL", packing=("--compress", "--freq", "38.8"), buffer_bytes=ECP5_BUFFER,
          program="dfu-suffix -v 1209 -p 5af0 -a {file} && dfu-util -a 0 -D {file}",
          note="its USB socket is no serial port: connect a 3.3 V adapter to pins 0 (in) "
               "and 1 (out), and give --port"),
    Board(name="icebreaker", title="1BitSquared iCEBreaker", part=DEVICES["ice40up5k"],
          platform=("icebreaker", "ICEBreakerPlatform"), uart=("uart", 0),
          lights=(("led_g", 0), None, ("led_r", 0), None), pll="SB_PLL40_PAD",
          buffer_bytes=ICE40_BUFFER, buffers="spram", usb_ids=(FT2232H,),
          program="iceprog {file}"),
    Board(name="ice40-hx8k", title="Lattice iCE40-HX8K breakout", part=DEVICES["ice40hx8k"],
          platform=("ice40_hx8k_b_evn", "ICE40HX8KBEVNPlatform"), uart=("uart", 0),
          lights=(("led", 0), ("led", 1), ("led", 2), ("led", 3)), pll="SB_PLL40_CORE",
          buffer_bytes=ICE40_BUFFER, usb_ids=(FT2232H,),
          program="iceprog -S {file}",
          note="with its jumpers set to load the FPGA itself; without -S, iceprog fills the flash"),
    Board(name="tang-nano-9k", title="Sipeed Tang Nano 9K", part=NANO_PART,
          platform=("tang_nano_9k", "TangNano9kPlatform"), uart=("uart", 0),
          lights=(("led", 0), ("led", 1), ("led", 2), ("led", 3)), pll="rPLL",
          packing=("--sspi_as_gpio", "--mspi_as_gpio"),
          buffer_bytes=GOWIN_BUFFER, usb_ids=(FT2232H,),
          program="openFPGALoader -b tangnano9k {file}"),
)}


def board(name: str) -> Board:
    """Look a board up by name."""
    if name not in BOARDS:
        raise SpecError(f"board must be one of {', '.join(BOARDS)}, or {SIMULATED} for a simulated "
                        f"one, but is {name}.")
    return BOARDS[name]
