"""The same endpoint three times, each as small as its framework allows (`make bench-balance`).

Each parses Get Balance's parameters, checks the proxy's secret and the caller's
certificate, stores the transaction id in the same kind of row, and answers from the same
tables. They leave out the rest of docs/contract.md#get-balance: limits per caller,
problem documents, and other forms of an ICCID.
"""
