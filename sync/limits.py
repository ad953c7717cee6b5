"""What a node accepts and makes. Each number is a setting; the defaults are for a county.

Sizes are bytes, counts are records or rows, spans are `timedelta`.
"""

from dataclasses import dataclass
from datetime import timedelta

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one node. A sealing bound may be small; an accepting bound must not be smaller.

    `seal_*` say where this node cuts its own segments (a village: 100 records). `segment_*` say
    what it takes from others, checked before anything is decompressed or parsed; segments of up to
    `take_records` and `take_bytes` that came together are set down in one transaction.
    """

    line_bytes: int = MIB
    seal_records: int = 1_000
    seal_bytes: int = MIB
    seal_rows: int = 2_000
    seal_transactions: int = 2_000
    segment_records: int = 10_000
    segment_bytes: int = 4 * MIB
    packed_bytes: int = 4 * MIB
    header_bytes: int = 16 * KIB
    signature_bytes: int = 512
    types_per_segment: int = 128
    take_records: int = 4_000
    take_bytes: int = 4 * MIB
    retry_rows: int = 200
    clock_tolerance: timedelta = timedelta(days=2)
    clone_quiet: timedelta = timedelta(minutes=15)
    certificate_valid: timedelta = timedelta(days=730)
    root_valid: timedelta = timedelta(days=7300)
    checkpoint_every: timedelta = timedelta(hours=8)
    checkpoint_delay: timedelta = timedelta(hours=4)
    notice_within: timedelta = timedelta(days=1)
    renew_before: timedelta = timedelta(days=90)
    renew_late: timedelta = timedelta(days=60)
    give_up_after: timedelta = timedelta(days=3)
    join_code_valid: timedelta = timedelta(days=3)


LIMITS = Limits()
