"""A stand-in for the Hugging Face Hub on loopback, for the real clients.

>>> from loopback import Fault, Hub
>>> with Hub() as hub:
...     _ = hub.create("tester/digits")
...     _ = hub.commit("tester/digits", files={"README.md": b"# Digits"})
...     hub.fail(method="POST", path="/commit/", fault=Fault.DROP_AFTER)
...     sorted(hub.files("tester/digits"))
['.gitattributes', 'README.md']

`hub.environment(token)` is what a client in a process of its own needs; in the same process, give
`HfApi(endpoint=hub.url, token=WRITE_TOKEN)`. `python -m loopback` starts one to rehearse by hand.
"""

from .accounts import READ_TOKEN, TOKENS, WRITE_TOKEN, Account
from .commits import Commit, Pull
from .faults import Fault, Record
from .server import Hub

__all__ = ["READ_TOKEN", "TOKENS", "WRITE_TOKEN", "Account", "Commit", "Fault", "Hub", "Pull", "Record"]
