"""Whether the pages of this container answer: ends with 0 if they do, else 1. It asks as the proxy would."""

import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

host = urlsplit(os.environ.get("CLOSEOUT_WEB_URL", "http://localhost")).netloc
port = os.environ.get("CLOSEOUT_WEB_LISTEN", "0.0.0.0:8080").rpartition(":")[2]
asked = urllib.request.Request(f"http://127.0.0.1:{port}/alive", headers={"Host": host})
try:
    with urllib.request.urlopen(asked, timeout=3) as answer:  # noqa: S310
        sys.exit(answer.read() != b"alive\n")
except (urllib.error.URLError, OSError):
    sys.exit(1)
