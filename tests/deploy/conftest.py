import sys
from pathlib import Path

for folder in ("redis", "collector", "metrics"):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / folder))
from redis_fixtures import *  # noqa: E402,F401,F403
