"""The journey from draft to completed order, and the pages it is made of."""
