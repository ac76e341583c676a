"""The pages of the journey (contract, section 3): every step a GET, every change a POST and a 303."""
