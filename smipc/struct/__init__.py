"""Locked structures: what users derive theirs from, and what opens them.

from smipc.struct import base_struct as bs
"""
