from . import charts as charts
from .corpus.corpus import Corpus as Corpus
from .corpus.demo import demo_corpus as demo_corpus
from .corpus.readers import read_corpus as read_corpus
from .embedding.embed import embed as embed
from .embedding.embeddings import Embeddings as Embeddings
from .idioms.features import FeatureTable as FeatureTable
from .idioms.features import find_idioms as find_idioms
from .idioms.labellers import OfflineLabeller as OfflineLabeller
from .idioms.labellers import label as label
from .run import Run as Run
from .sae.activations import SparseActivations as SparseActivations
from .sae.autoencoder import SparseAutoencoder as SparseAutoencoder
from .sae.autoencoder import train as train
from .taxonomy.codebook import Codebook as Codebook
from .taxonomy.codebook import lexicon as lexicon
from .taxonomy.coding import Codes as Codes
from .taxonomy.coding import code as code
from .taxonomy.comparison import compare as compare
from .taxonomy.comparison import over_turns as over_turns
from .taxonomy.distribution import Distribution as Distribution
from .taxonomy.distribution import distribute as distribute
from .taxonomy.distribution import roll_up as roll_up
from .taxonomy.taxonomy import Taxonomy as Taxonomy

__version__: str
