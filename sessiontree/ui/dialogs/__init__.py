"""What asks a person something: each dialog returns its answer through `dismiss`."""
