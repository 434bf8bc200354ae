from . import epistasis as epistasis
from . import linear_models as linear_models
from .epistasis import Epistasis as Epistasis
from .linear_models import LinearModels as LinearModels
from .linear_models import distill as distill
