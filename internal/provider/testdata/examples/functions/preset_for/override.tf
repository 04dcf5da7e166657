# Nothing leads anywhere: the catalogue is part of the provider.
