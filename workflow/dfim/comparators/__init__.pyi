from . import double_mutants as double_mutants
from . import epistasis as epistasis
from . import linear_models as linear_models
from .double_mutants import double_mutant_interactions as double_mutant_interactions
from .epistasis import Epistasis as Epistasis
from .linear_models import LinearModels as LinearModels
from .linear_models import distill as distill
