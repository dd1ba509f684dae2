"""What can be wrong with a data set; every message is one line."""


class DataError(ValueError):
    """A data file or folder is not what it should be."""


class UnknownDatasetError(DataError):
    """A name that is neither a data set's nor a path."""


class DataNotFoundError(DataError, FileNotFoundError):
    """A data set, or one of its files, is in none of the places looked at."""


class FetchError(DataError, OSError):
    """A download failed from every mirror, or its files could not be written."""
