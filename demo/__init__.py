"""What `make run` needs beside the product: demo data and the supervisor."""
