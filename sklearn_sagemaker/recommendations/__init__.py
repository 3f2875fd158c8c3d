"""From a table of users and items to the items that each user is to see."""

from sklearn_sagemaker.recommendations._encoder import InteractionEncoder
from sklearn_sagemaker.recommendations._recommender import Recommender

__all__ = ["InteractionEncoder", "Recommender"]
