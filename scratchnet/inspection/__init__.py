"""Looking into a network: what its layers are (summary), what one pass does (trace), what is wrong with it (doctor)."""

from scratchnet.inspection.checkup import Checkup, Finding
from scratchnet.inspection.doctor import doctor
from scratchnet.inspection.summary import Summary, summary
from scratchnet.inspection.trace import Trace, trace

__all__ = ["Checkup", "Finding", "Summary", "Trace", "doctor", "summary", "trace"]
