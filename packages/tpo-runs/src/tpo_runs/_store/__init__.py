"""The results store. No other room knows its files and directories."""

from .block import BITS as BITS
from .block import FACTS as FACTS
from .block import StoredBlock as StoredBlock
from .layout import METRICS as METRICS
from .layout import PROVENANCE as PROVENANCE
from .layout import TIMING as TIMING
from .layout import block_name as block_name
from .lock import locked as locked
from .metrics import by_seed as by_seed
from .metrics import write_metrics as write_metrics
from .output_directory import check_holds_run as check_holds_run
from .output_directory import check_output as check_output
from .run_manifest import check_same_settings as check_same_settings
from .run_manifest import choose_entry as choose_entry
from .run_manifest import differences as differences
from .run_manifest import longer_cells as longer_cells
from .run_manifest import manifest as manifest
from .run_manifest import replaced_cells as replaced_cells
from .store import Store as Store
from .write_frame import write_frame as write_frame
