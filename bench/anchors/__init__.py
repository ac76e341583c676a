"""The same endpoint three times, each as small as its framework lets it be (`make bench-balance`).

Each reads Get Balance's parameters, believes the proxy by its secret and the caller by its
certificate, keeps the transaction id in the same kind of row, and answers from the same tables.
They lack the rest of docs/contract.md#get-balance: limits per caller, problem documents, other
forms of an ICCID.
"""
