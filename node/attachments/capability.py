"""附件: photos and scans that travel behind the cases they belong to."""

from node.attachments.records import CHUNK
from node.core.capability import Capability

CAPABILITY = Capability(name="attachments", record_types=(CHUNK,))
