"""Xet as a client sees it: https://huggingface.co/docs/xet, and what hf_xet 1.2 to 1.8 were seen to send.

`hashes`, `xorbs` and `shards` read the formats, `store` keeps what was uploaded once it was checked, `tokens` says
who may call, `uploads` and `downloads` answer the requests.
"""
