"""Transfers as the edge calls them."""

from node.transfers.desk import Side, Transfer, counts, listed, told, transfer
from node.transfers.money import bank, pay
from node.transfers.release import refuse

__all__ = ["Side", "Transfer", "bank", "counts", "listed", "pay", "refuse", "told", "transfer"]
