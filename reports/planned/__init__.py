"""The announcement of an audit to an insurer: it names nobody and holds no finding."""
