"""The one home of the program's version: reports carry it, the wheel is named by it."""

VERSION = "0.1.0"
