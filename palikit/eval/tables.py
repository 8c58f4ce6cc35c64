"""Table structure: TEDS on trees, GriTS on grids. Both read HTML; both are from 0 to 1."""

from .grid_similarity import GridScores, grits, grits_scores
from .table_reading import Cell, Table, read_cells
from .tree_edit import teds

__all__ = ["Cell", "GridScores", "Table", "grits", "grits_scores", "read_cells", "teds"]
