"""The results store. The only room that knows its files and folders."""

from .block import CONFIG as CONFIG
from .block import METRICS as METRICS
from .block import PROVENANCE as PROVENANCE
from .block import TIMING as TIMING
from .block import StoredBlock as StoredBlock
from .block import block_name as block_name
from .facts import BITS as BITS
from .facts import FACTS as FACTS
from .lock import locked as locked
from .manifest import check_same_settings as check_same_settings
from .manifest import differences as differences
from .manifest import manifest as manifest
from .manifest import replaced_cells as replaced_cells
from .metrics import by_seed as by_seed
from .metrics import write_metrics as write_metrics
from .output_directory import MANIFEST as MANIFEST
from .output_directory import check_output as check_output
from .run_directory import check_holds_run as check_holds_run
from .store import Store as Store
