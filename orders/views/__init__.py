"""The pages of the journey (contract, section 3): a step is a GET, a change a POST and a 303."""
