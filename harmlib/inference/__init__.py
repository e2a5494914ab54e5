"""One picture in, one harmonized picture or one map of visible shifts out, at any size."""
