"""The version of the program, shown on every page and reported to the nodes above."""

VERSION = "0.1.0"
