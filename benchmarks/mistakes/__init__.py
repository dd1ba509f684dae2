"""Wrong and right implementations of layers, as students write them, each with the name of its mistake."""
