"""A manifest that drags a whole HTTP library in, for the check that must object."""

import requests

from hub.channels.memory.manifest import MANIFEST

TIMEOUT = requests.Session
__all__ = ["MANIFEST", "TIMEOUT"]
