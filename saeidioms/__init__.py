"""saeidioms: mine idioms out of conversations with sparse autoencoders.

The public names are listed in ``__init__.pyi`` and imported on first use, so that importing the
package costs nothing.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
