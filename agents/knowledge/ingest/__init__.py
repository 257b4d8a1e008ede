"""Documents on their way in: files, folders, working copies and web addresses; what changed; reading; passages.

`files` (where the documents are) and `web` send to `importing`, which has them read by `reader` in a process of its
own (`reading_process`), cuts them into `chunks`, and puts these into the library.
"""
