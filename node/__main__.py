"""`python -m node` is `wuji`."""

from node.cli import main

main()
