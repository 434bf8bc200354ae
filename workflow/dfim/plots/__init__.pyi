from . import static as static
from .static import class_boxes as class_boxes
from .static import interaction_heatmap as interaction_heatmap
from .static import letter_row as letter_row
from .static import logo_track as logo_track
from .static import motif_boxes as motif_boxes
from .static import style as style
