from . import blocks as blocks
from . import change_scoring as change_scoring
from . import changes as changes
from . import settings as settings
from .changes import Changes as Changes
from .changes import Mutations as Mutations
from .changes import Targets as Targets
from .settings import ScoringSettings as ScoringSettings
