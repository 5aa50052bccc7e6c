"""The pages: one short view for each, in modules by who reads them."""
